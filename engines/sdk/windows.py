"""A prepared track in windows that end in a pause: memory stays small however long the audio is.

For engines that have numpy; the kit itself does without.
"""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]

RATE = 16_000
WINDOW_S = 300
SEARCH_S = 30
FRAME_S = 0.2


class Window(NamedTuple):
    """A stretch of a track: where it begins (seconds) and its samples (full scale 1.0)."""

    start: float
    samples: Samples

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / RATE


def windows(path: Path, seconds: float = WINDOW_S, search: float = SEARCH_S) -> Iterator[Window]:
    """A WAV (signed 16 bit, 16 kHz, mono) from its start to its end.

    Args:
        seconds: no window is longer.
        search: how much of its end may be left to the next one, to cut where it is quiet.
    """
    with wave.open(str(path), "rb") as file:
        position, total = 0, file.getnframes()
        while position < total:
            file.setpos(position)
            raw = np.frombuffer(file.readframes(int(seconds * RATE)), "<i2")
            samples = raw.astype(np.float32) / np.float32(32_768)
            if position + len(samples) < total:
                samples = samples[: quietest(samples, int(search * RATE))]
            if not samples.size:  # the file is shorter than its header says
                return
            yield Window(position / RATE, samples)
            position += len(samples)


def quietest(samples: Samples, search: int) -> int:
    """Where to cut: the middle of the quietest stretch among the last ``search`` samples."""
    frame = int(FRAME_S * RATE)
    tail = samples[-search:]
    frames = len(tail) // frame
    if frames < 2:
        return len(samples)
    energy = np.square(tail[: frames * frame]).reshape(frames, frame).sum(axis=1)
    return len(samples) - len(tail) + int(np.argmin(energy)) * frame + frame // 2
