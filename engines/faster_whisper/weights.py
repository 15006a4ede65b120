"""A model in memory, in the largest compute type that fits; smaller ones when memory is short."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from engines.sdk.ladder import Rung, descend, rungs

T = TypeVar("T")


class Weights:
    """One model; ``types`` are the compute types to try, from the best on.

    opened: loads the library's model in a compute type; the last one is released before.
    """

    def __init__(self, opened: Callable[[str], Any], types: Sequence[str], batch: int) -> None:
        self._opened = opened
        self._types = tuple(types)
        self._steps = rungs(batch, self._types)
        self._model: Any = None
        self.compute_type = self._types[0]

    @property
    def batch(self) -> int:
        """How many clips at once fitted last."""
        return self._steps[0].batch

    def load(self) -> Any:
        """The model; raise OutOfMemory when it fits in no type."""
        if self._model is not None:
            return self._model
        steps = tuple(Rung(self.batch, kind) for kind in self._types)
        model, _ = descend(lambda rung: self._in(str(rung.compute_type)), steps)
        self.begin(self.batch)
        return model

    def begin(self, batch: int) -> None:
        """Try the whole batch again: what was short may be there now. The type stays as it is."""
        smaller = self._types[self._types.index(self.compute_type) :]
        self._steps = rungs(batch, smaller)

    def fit(self, work: Callable[[Any, int], T]) -> T:
        """What ``work`` gives for the model and a batch that fit into memory.

        Raises:
            OutOfMemory: one clip at a time, in the smallest type, is too much.
        """

        def attempt(rung: Rung) -> T:
            return work(self._in(str(rung.compute_type)), rung.batch)

        found, self._steps = descend(attempt, self._steps)
        return found

    def release(self) -> None:
        """Free what it takes, on the card too."""
        model, self._model = self._model, None
        if model is not None:
            model.model.unload_model()

    def _in(self, compute_type: str) -> Any:
        if self._model is None or compute_type != self.compute_type:
            self.release()
            self._model = self._opened(compute_type)
            self.compute_type = compute_type
        return self._model
