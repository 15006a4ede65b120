"""One loaded model judging windows of a track: only those are in memory that it listens to."""

import contextlib
import wave
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.emotion2vec.spans import Window
from engines.sdk.ladder import Rung, descend, rungs

RATE = 16_000


class Judge:
    """Wraps an AutoModel."""

    def __init__(self, model: Any, device: str, compute_type: str) -> None:
        self._model = model
        self._device = device
        half = device == "cuda" and compute_type == "float32"
        self._rungs = rungs(1, (compute_type, "float16") if half else (compute_type,))

    @property
    def compute_type(self) -> str | None:
        """Of the arithmetic now: on a card half precision where float32 did not fit."""
        return self._rungs[0].compute_type

    def scores(
        self, track: Path, windows: Sequence[Window]
    ) -> Iterator[tuple[Window, dict[str, float]]]:
        """The score of each label (as the model spells it), window by window.

        One by one, as the library takes them: padded to a batch, they would be judged otherwise.

        Raises:
            OutOfMemory: one window is too much.
        """
        with wave.open(str(track), "rb") as file:
            for window in windows:
                audio = _samples(file, window)
                found, self._rungs = descend(partial(self._scored, audio), self._rungs)
                yield window, found

    def _scored(self, audio: NDArray[np.float32], rung: Rung) -> dict[str, float]:
        with self._precision(rung.compute_type):
            found = self._model.generate(
                input=[audio], granularity="utterance", extract_embedding=False
            )[0]
        return dict(zip(found["labels"], found["scores"], strict=True))

    def _precision(self, compute_type: str | None) -> contextlib.AbstractContextManager[Any]:
        if compute_type in {None, "float32"}:
            return contextlib.nullcontext()
        import torch  # noqa: PLC0415 - heavy

        dtype = getattr(torch, str(compute_type))
        precision: contextlib.AbstractContextManager[Any] = torch.autocast(self._device, dtype)
        return precision


def seconds(track: Path) -> float:
    """How long a track is."""
    with wave.open(str(track), "rb") as file:
        return file.getnframes() / RATE


def _samples(file: wave.Wave_read, window: Window) -> NDArray[np.float32]:
    first = int(window.start * RATE)
    file.setpos(min(first, file.getnframes()))
    raw = np.frombuffer(file.readframes(int(window.end * RATE) - first), "<i2")
    return raw.astype(np.float32) / np.float32(32_768)
