"""Measures of times and speakers of words, and the rule. Pure; needs no library."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from itertools import permutations
from statistics import fmean
from typing import TypeVar

V = TypeVar("V")

Turn = tuple[float, float, str]


def tokens(text: str) -> list[str]:
    """A text as bare words: no case, no punctuation; what a hyphen joins is two."""
    return re.findall(r"[a-z0-9']+", text.lower().replace("\u2019", "'"))


def bare_words(words: Iterable[tuple[str, V]]) -> Iterator[tuple[str, V, bool]]:
    """Each bare word, what its word carries, and whether it is the first one of it."""
    for text, value in words:
        for number, token in enumerate(tokens(text)):
            yield token, value, number == 0


def matched(said: Sequence[str], heard: Sequence[str]) -> list[tuple[int, int]]:
    """Which words of two texts are the same ones: pairs of places, in order."""
    blocks = SequenceMatcher(None, said, heard, autojunk=False).get_matching_blocks()
    return [(block.a + n, block.b + n) for block in blocks for n in range(block.size)]


def late(said: Iterable[tuple[str, float]], heard: Iterable[tuple[str, float]]) -> dict[int, float]:
    """Place of a word in what was said → how many seconds off its start is; matched words only."""
    true, found = list(bare_words(said)), list(bare_words(heard))
    pairs = matched([word for word, *_ in true], [word for word, *_ in found])
    return {
        place: abs(true[place][1] - found[other][1])
        for place, other in pairs
        if true[place][2] and found[other][2]
    }


def p95(values: Iterable[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    ordered = sorted(values)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def both(one: Mapping[int, float], other: Mapping[int, float]) -> tuple[list[float], list[float]]:
    """The values of the words that both have: who leaves out the hard ones gains nothing."""
    places = sorted(one.keys() & other.keys())
    return [one[place] for place in places], [other[place] for place in places]


def mean(values: Sequence[float]) -> float:
    """The mean; not a number for none."""
    return fmean(values) if values else math.nan


def right(
    said: Iterable[tuple[str, str]], heard: Iterable[tuple[str, str | None]]
) -> tuple[int, int]:
    """How many words have the right speaker, and of how many: those that were heard as said.

    Speakers are matched one to one, in the way that is best for the whole.
    """
    true, found = list(bare_words(said)), list(bare_words(heard))
    pairs = matched([word for word, *_ in true], [word for word, *_ in found])
    who = [(true[place][1], found[other][1]) for place, other in pairs]
    people = sorted({one for one, _ in who})
    labels = sorted({other for _, other in who if other is not None})
    padded = [*labels, *[""] * len(people)]
    best = max(
        sum(names.get(one) == other for one, other in who)
        for names in (
            dict(zip(people, order, strict=True)) for order in permutations(padded, len(people))
        )
    )
    return best, len(who)


def speaker(start: float, end: float, turns: Iterable[Turn]) -> str | None:
    """Who speaks longest in a word: what everybody does with bare turns. None: nobody."""
    shares: dict[str, float] = {}
    for first, last, who in turns:
        overlap = min(end, last) - max(start, first)
        if overlap > 0:
            shares[who] = shares.get(who, 0.0) + overlap
    return max(sorted(shares), key=lambda one: shares[one]) if shares else None


def holds(ours: float, bare: float, rounding: float) -> bool:
    """Never worse than the bare library by more than rounding; both are errors."""
    return ours <= bare + rounding + 1e-9
