"""Speech of tones, as the tiny model of tiny.py learns it, and where its words are."""

import array
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engines.sdk import wav

TONED = "abcdefgh"
LETTER_S = PAUSE_S = 0.1
TEXT = "bad cafe hag egad face bag dab head chafe gab"


def samples(text: str) -> NDArray[np.float32]:
    """A tone for a letter, silence for a space."""
    time = np.arange(int(LETTER_S * wav.RATE)) / wav.RATE
    shape = 0.3 * np.hanning(len(time)) ** 0.3
    parts = [
        np.zeros(int(PAUSE_S * wav.RATE))
        if letter not in TONED
        else shape * np.sin(2 * np.pi * (300 * 1.35 ** TONED.index(letter)) * time)
        for letter in text
    ]
    return np.concatenate(parts).astype(np.float32)


def spans(text: str) -> list[tuple[float, float]]:
    """Where each word is, in seconds."""
    found, at = [], 0.0
    for word in text.split():
        found.append((at, at + LETTER_S * len(word)))
        at += LETTER_S * len(word) + PAUSE_S
    return found


def write(path: Path, parts: Sequence[NDArray[np.float32]]) -> Path:
    """A track of these samples."""
    pcm = (np.concatenate(parts) * 32_767).astype("<i2")
    wav.write(path, array.array("h", pcm.tobytes()))
    return path
