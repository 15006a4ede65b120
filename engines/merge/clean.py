"""Clean text beside what was said: given to segments, and shared out where they are cut. Pure."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec

from engines.merge.pieces import cut, parts
from streams.transcript import Clean, Cleaned, Segment, Word

OTHERS = "clean text left out: it is of {} segments, the transcript has {}"


def given(segments: Sequence[Segment], cleaned: Cleaned) -> tuple[tuple[Segment, ...], str | None]:
    """Each segment with its clean text; and a warning when they do not belong together."""
    if len(segments) != len(cleaned.segments):
        return tuple(segments), OTHERS.format(len(cleaned.segments), len(segments))
    pairs = zip(segments, cleaned.segments, strict=True)
    return tuple(msgspec.structs.replace(one, clean=clean) for one, clean in pairs), None


def shared(whole: Segment, pieces: Sequence[Segment]) -> Iterator[Segment]:
    """The clean text of a whole, each of its words with the piece in whose time it lies.

    A piece may get none: then all that was said there was left out.
    """
    if whole.clean is None or len(pieces) == 1:
        yield from (msgspec.structs.replace(piece, clean=whole.clean) for piece in pieces)
        return
    words, text = whole.clean.words, whole.clean.text
    middles = [(one.end + other.start) / 2 for one, other in pairwise(pieces)]
    firsts = _firsts(words, middles)
    texts = cut(text, [word.text for word in words], firsts)
    if texts is None:  # no words, or others than the text's
        spread = by_length(text, whole.start, whole.end)
        found = [match.start() for match in re.finditer(r"\S+", text)]
        texts = parts(text, found, _firsts(spread, middles))
    edges = [*firsts, len(words)]
    for number, (piece, part) in enumerate(zip(pieces, texts, strict=True)):
        clean = Clean(
            text=part,
            words=words[edges[number] : edges[number + 1]],
            paragraph=whole.clean.paragraph and number == 0,
        )
        yield msgspec.structs.replace(piece, clean=clean)


def by_length(text: str, start: float, end: float) -> tuple[Word, ...]:
    """The words of a text without times, each with a share of the time by its length."""
    texts = text.split()
    total, at, words = sum(map(len, texts)), start, []
    for one in texts:
        until = at + (end - start) * len(one) / total
        words.append(Word(one, at, until))
        at = until
    return tuple(words)


def _firsts(words: Sequence[Word], edges: Sequence[float]) -> list[int]:
    """The number of the first word after each edge; words keep their order, whatever their times.

    The first piece begins with word 0.
    """
    firsts, number = [0], 0
    for edge in edges:
        while number < len(words) and (words[number].start + words[number].end) / 2 <= edge:
            number += 1
        firsts.append(number)
    return firsts
