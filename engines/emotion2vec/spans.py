"""Segments → windows to judge; what is said of the windows → one emotion a segment. Pure."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from streams.transcript import Emotion

SHORTEST_S = 0.5
"""Below that there is too little to judge."""
LONGEST_S = 15.0
UNKNOWN = "<unk>"


class Window(NamedTuple):
    """A part of a segment, in seconds of the track."""

    segment: int
    start: float
    end: float


def cut(
    number: int, start: float, end: float, seconds: float, longest: float = LONGEST_S
) -> list[Window]:
    """A segment as equal windows no longer than ``longest``; none if it is too short to judge.

    Args:
        seconds: how long the track is; what lies behind its end is left off.
    """
    end = min(end, seconds)
    start = max(start, 0.0)
    if end - start < SHORTEST_S:
        return []
    count = math.ceil((end - start) / longest)
    edges = [start + (end - start) * at / count for at in range(count + 1)]
    return [Window(number, *pair) for pair in itertools.pairwise(edges)]


def english(label: str) -> str:
    """A label without its Chinese half: "生气/angry" is "angry", "<unk>" is "unknown"."""
    name = label.rsplit("/", 1)[-1].strip()
    return "unknown" if name == UNKNOWN else name


def averaged(parts: Sequence[tuple[float, Mapping[str, float]]]) -> Emotion:
    """The scores of some windows, each with its length, as one: the likeliest label and all."""
    whole = sum(length for length, _ in parts)
    scores: dict[str, float] = {}
    for length, judged in parts:
        for label, score in judged.items():
            name = english(label)
            scores[name] = scores.get(name, 0.0) + score * length / whole
    rounded = {name: round(score, 4) for name, score in scores.items()}
    return Emotion(max(scores, key=lambda name: scores[name]), rounded)
