from dataclasses import dataclass, field
from typing import Any

import pytest

from engines.faster_whisper.weights import Weights
from engines.sdk.contract import OutOfMemory

CUDA = "CUDA failed with error out of memory"
CUBLAS = "cuBLAS failed with status CUBLAS_STATUS_ALLOC_FAILED"
TYPES = ("float16", "int8_float16", "int8")


@dataclass
class Card:
    """A card by its room: what models in each type take, and each clip of a batch on top."""

    room: int
    words: str = CUDA
    held: int = 0
    loaded: list[str] = field(default_factory=list)

    def opened(self, compute_type: str) -> "Model":
        return Model(self, {"float16": 100, "int8_float16": 60, "int8": 50}[compute_type])

    def take(self, size: int) -> None:
        if self.held + size > self.room:
            raise RuntimeError(self.words)


class Model:
    def __init__(self, card: Card, size: int) -> None:
        card.take(size)
        card.held += size
        card.loaded.append(str(size))
        self._card, self._size = card, size
        self.model = self  # as the library's, which wraps CTranslate2's

    def unload_model(self) -> None:
        self._card.held -= self._size

    def hear(self, batch: int) -> int:
        self._card.take(10 * batch)
        return batch


def heard(model: Any, batch: int) -> int:
    return int(model.hear(batch))


@pytest.mark.parametrize("words", [CUDA, CUBLAS])
@pytest.mark.parametrize(
    ("room", "batch", "compute_type"),
    [
        (300, 16, "float16"),
        (180, 8, "float16"),
        (110, 1, "float16"),
        (105, 4, "int8_float16"),
        (65, 1, "int8"),
    ],
)
def test_a_smaller_batch_comes_before_a_smaller_type(
    words: str, room: int, batch: int, compute_type: str
) -> None:
    weights = Weights(Card(room, words).opened, TYPES, 16)
    weights.load()
    assert weights.fit(heard) == batch
    assert (weights.batch, weights.compute_type) == (batch, compute_type)


def test_a_model_too_large_for_the_card_is_loaded_in_a_smaller_type_at_once() -> None:
    card = Card(room=70)
    weights = Weights(card.opened, TYPES, 16)
    weights.load()
    assert (weights.compute_type, card.loaded) == ("int8_float16", ["60"])


def test_two_models_are_never_on_the_card_at_once() -> None:
    card = Card(room=105)
    weights = Weights(card.opened, TYPES, 16)
    weights.load()
    weights.fit(heard)
    assert card.held == 60
    weights.release()
    assert card.held == 0


def test_what_fits_in_no_way_says_so_with_the_words_of_the_library() -> None:
    weights = Weights(Card(room=55).opened, TYPES, 16)
    weights.load()
    with pytest.raises(OutOfMemory, match=r"even with batch 1, int8 .*CUDA failed with error out"):
        weights.fit(heard)
    with pytest.raises(OutOfMemory, match=r"even with batch 16, int8 "):
        Weights(Card(room=10).opened, TYPES, 16).load()


def test_after_all_failed_the_next_task_may_try_from_the_best_on() -> None:
    card = Card(room=55)
    weights = Weights(card.opened, TYPES, 16)
    weights.load()
    with pytest.raises(OutOfMemory):
        weights.fit(heard)
    card.room = 300
    weights.release()
    weights.load()
    weights.begin(16)
    assert (weights.fit(heard), weights.compute_type) == (16, "float16")


def test_the_next_task_tries_the_whole_batch_again_but_loads_nothing_anew() -> None:
    card = Card(room=105)
    weights = Weights(card.opened, TYPES, 16)
    weights.load()
    weights.fit(heard)
    card.room = 300
    weights.begin(16)
    weights.load()
    assert (weights.fit(heard), weights.compute_type) == (16, "int8_float16")
    assert card.loaded == ["100", "60"]


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    weights = Weights(
        Card(room=300, words="CUDA failed with error invalid device").opened, TYPES, 99
    )
    weights.load()
    with pytest.raises(RuntimeError, match="invalid device"):
        weights.fit(heard)
