"""Where to listen: samples → clips between pauses, short enough for the model. Pure.

By loudness alone: it need not know speech, for what it lets through the model hears anyway.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engines.sdk.windows import RATE, Samples, quietest

FRAME_S = 0.02
SILENCE_DB = -60.0
ABOVE_NOISE_DB = 6.0
BELOW_LOUDEST_DB = 25.0
MARGIN_S = 0.2
JOINED_S = 15.0
LONGEST_S = 30.0
MAX_GAP_S = 1.0


class Clip(NamedTuple):
    """A stretch of samples, in seconds."""

    start: float
    end: float


def clips(samples: Samples, speech: Iterable[Clip]) -> list[Clip]:
    """Neighbours joined while that stays short, and what is too long cut where it is quietest.

    Joined, a model has context; but it gives one language and one emotion a clip.
    """
    joined: list[Clip] = []
    for part in speech:
        last = joined[-1] if joined else None
        if last and part.end - last.start <= JOINED_S and part.start - last.end <= MAX_GAP_S:
            joined[-1] = Clip(last.start, part.end)
        else:
            joined.append(part)
    return [piece for clip in joined for piece in _cut(samples, clip)]


def loud(samples: Samples) -> list[Clip]:
    """The stretches between pauses; all of it where nothing stands out."""
    frame = int(FRAME_S * RATE)
    count = len(samples) // frame
    if not count:
        return []
    power = np.square(samples[: count * frame]).reshape(count, frame).mean(axis=1)
    levels = 10 * np.log10(power + 1e-12)
    noise, loudest = np.percentile(levels, 10), levels.max()
    if loudest < SILENCE_DB:
        return []
    floor = min(max(noise + ABOVE_NOISE_DB, SILENCE_DB), loudest - BELOW_LOUDEST_DB)
    return _stretches(levels > floor, len(samples) / RATE)


def whole(samples: Samples) -> list[Clip]:
    """All of it, for who wants no pauses left out."""
    return [Clip(0.0, len(samples) / RATE)] if len(samples) else []


def _stretches(is_loud: NDArray[np.bool_], seconds: float) -> list[Clip]:
    """Runs of loud frames with a margin; those whose margins meet are one."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_loud, [False])).astype(np.int8)))
    found: list[Clip] = []
    for first, last in edges.reshape(-1, 2):
        start = max(0.0, float(first) * FRAME_S - MARGIN_S)
        end = min(seconds, float(last) * FRAME_S + MARGIN_S)
        if found and start <= found[-1].end:
            found[-1] = Clip(found[-1].start, end)
        else:
            found.append(Clip(start, end))
    return found


def _cut(samples: Samples, clip: Clip) -> list[Clip]:
    start, last = int(clip.start * RATE), int(clip.end * RATE)
    longest = int(LONGEST_S * RATE)
    pieces = []
    while last - start > longest:
        end = start + quietest(samples[start : start + longest], longest // 2)
        pieces.append(Clip(start / RATE, end / RATE))
        start = end
    return [*pieces, Clip(start / RATE, clip.end)]
