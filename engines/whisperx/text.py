"""Words → the characters that a model is told to find, and what it found → places. Pure."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple, Protocol

from engines.sdk.places import UNSPACED, Place
from streams.transcript import Character

SPACE = "|"
"""How wav2vec2's vocabularies write the space between words."""


class Letter(NamedTuple):
    """One character to find: as the vocabulary writes it, as the text does, and of which word."""

    sign: str
    text: str
    word: int | None


class Found(Protocol):
    """Of one letter: frames, and how sure the model is."""

    start: int
    end: int
    score: float


def letters(
    words: Sequence[str], language: str | None, vocabulary: Collection[str]
) -> list[Letter]:
    """All characters in order; those that the vocabulary lacks are found by a wildcard."""
    spaced = language not in UNSPACED and SPACE in vocabulary
    result: list[Letter] = []
    for number, word in enumerate(words):
        if number and spaced:
            result.append(Letter(SPACE, " ", None))
        for text in word:
            low = text.lower()
            result.append(Letter(low if len(low) == 1 else text, text, number))
    return result


def places(
    found: Iterable[tuple[Letter, Found]], count: int, frame_s: float, *, characters: bool
) -> list[Place | None]:
    """The place of each of ``count`` words; seconds from the start of the stretch."""
    groups: list[list[Character]] = [[] for _ in range(count)]
    for letter, span in found:
        if letter.word is not None:
            groups[letter.word].append(
                Character(
                    letter.text,
                    round(span.start * frame_s, 3),
                    round(span.end * frame_s, 3),
                    round(span.score, 3),
                )
            )
    return [_place(group, characters) if group else None for group in groups]


def _place(group: Sequence[Character], characters: bool) -> Place:
    scores = [one.probability or 0.0 for one in group]
    return Place(
        group[0].start,
        group[-1].end,
        round(sum(scores) / len(scores), 3),
        tuple(group) if characters else (),
    )
