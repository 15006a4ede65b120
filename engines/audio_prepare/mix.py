"""Many channels → one, as loud as before and never clipped. Pure."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]

HALF_POWER = 2**-0.5
WEIGHTS = {
    "FC": 1.0,
    "FL": HALF_POWER,
    "FR": HALF_POWER,
    "FLC": HALF_POWER,
    "FRC": HALF_POWER,
    "LFE": 0.0,
    "LFE2": 0.0,
}
"""ITU-R BS.775 by FFmpeg's channel name: speech is in the centre, thunder in the LFE."""
AROUND = 0.5
"""The weight of every other channel."""


def weights(names: Sequence[str]) -> Samples:
    """How much of each channel goes into the mix; they add up to one, so that it cannot clip.

    Channels without known places (``names`` unlike FFmpeg's) count alike.
    """
    known = len(names) > 2 and any(name in WEIGHTS for name in names)
    raw = np.array([WEIGHTS.get(name, AROUND) if known else 1.0 for name in names], np.float32)
    if not raw.any():
        raw[:] = 1.0
    shares: Samples = raw / raw.sum()
    return shares


def mixed(samples: Samples, names: Sequence[str]) -> Samples:
    """(channels, n) → (n,)."""
    if len(samples) == 1:
        row: Samples = samples[0]
        return row
    mix: Samples = np.dot(weights(names), samples)
    return mix


def decibels(peak: float) -> float | None:
    """A peak (1.0 is full scale) in dBFS; None for nothing but zeros."""
    return round(20 * float(np.log10(peak)), 2) if peak > 0 else None
