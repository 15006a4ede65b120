"""Texts and channels laid beside each other: where to cut, what belongs together. Pure."""

from collections.abc import Sequence


def places(text: str, words: Sequence[str]) -> list[int] | None:
    """Where each word begins in the text; None when the text is not just these words.

    White space and punctuation may stand between them: not every engine counts those as words.
    """
    found, at = [], 0
    for word in words:
        place = text.find(word, at)
        if place < 0 or _says(text[at:place]):
            return None
        found.append(place)
        at = place + len(word)
    return None if _says(text[at:]) else found


def cut(text: str, words: Sequence[str], firsts: Sequence[int]) -> list[str] | None:
    """The text in pieces that begin with the words of these numbers; None where it cannot be cut.

    ``firsts`` rise from 0 and may be as large as ``len(words)``; a piece without words is empty.
    """
    found = places(text, words)
    return None if found is None else parts(text, found, firsts)


def parts(text: str, found: Sequence[int], firsts: Sequence[int]) -> list[str]:
    """The same, once it is known where each word begins."""
    edges = [0, *(found[first] if first < len(found) else len(text) for first in firsts[1:])]
    return [
        text[start:end].strip() for start, end in zip(edges, [*edges[1:], len(text)], strict=True)
    ]


def meets(one: int | None, other: int | None) -> bool:
    """Whether two channels are the same, as far as is known."""
    return one is None or other is None or one == other


def _says(text: str) -> bool:
    return any(sign.isalnum() for sign in text)
