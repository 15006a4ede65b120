"""Whether a clean text says what was said: no word lost, none invented, but for what is filler."""

from collections.abc import Sequence
from itertools import compress
from typing import Literal, TypeAlias

from engines.llm_cleanup.fillers import optional
from engines.llm_cleanup.tokens import tokens

Refusal: TypeAlias = Literal["words were lost", "words were invented", "words were changed"]


def judge(said: str, clean: str, language: str | None = None) -> Refusal | None:
    """None when the clean text can stand beside what was said, else what is wrong with it.

    The edit distance from the one to the other, in normalised words, has to be 0, where leaving
    out a filler costs nothing; only gaps between words may differ ("every day", "everyday").
    """
    found = tokens(said.split(), language)
    heard = [token.text for token in found]
    idle = optional(said, found, language)
    written = [token.text for token in tokens(clean.split(), language)]
    needed = list(compress(heard, [not may for may in idle]))
    if _joined(written) in {_joined(heard), _joined(needed)}:
        return None
    lost, invented = edits(heard, idle, written)
    if lost and invented:
        return "words were changed"
    if lost:
        return "words were lost"
    return "words were invented" if invented else None


def edits(said: Sequence[str], idle: Sequence[bool], clean: Sequence[str]) -> tuple[int, int]:
    """The fewest words lost and invented on the way from what was said to the clean words."""
    row = [(at, 0, at) for at in range(len(clean) + 1)]  # distance, lost, invented
    for word, may in zip(said, idle, strict=True):
        cost = 0 if may else 1
        before, row[0] = row[0], (row[0][0] + cost, row[0][1] + cost, 0)
        for at, other in enumerate(clean, 1):
            left, up = row[at - 1], row[at]
            ways = [
                (up[0] + cost, up[1] + cost, up[2]),
                (left[0] + 1, left[1], left[2] + 1),
            ]
            if word == other:
                ways.append(before)
            before, row[at] = up, min(ways)
    return row[-1][1], row[-1][2]


def _joined(words: Sequence[str]) -> str:
    """Without the gaps, except between numbers: 1 and 23 are not 123."""
    text = " ".join(words)
    return "".join(
        character
        for at, character in enumerate(text)
        if character != " " or (text[at - 1].isdigit() and text[at + 1].isdigit())
    )
