"""Which tokens of a text are personal: what a recogniser finds, and every repetition. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from engines.presidio.spoken import written

WINDOW, OVERLAP = 700, 60
"""Tokens that are looked at together, and how many of them again with the next ones."""
TITLES = frozenset({"mrs", "miss", "the", "and", "von", "van", "sir", "lord", "lady", "prof"})


class Found(NamedTuple):
    """A stretch of characters that is personal, as a recogniser says it."""

    start: int
    end: int
    kind: str
    score: float


class Mark(NamedTuple):
    """What a token is; tokens with the very same mark belong together."""

    kind: str
    score: float | None
    number: int = 0


Marks: TypeAlias = list[Mark | None]
Finder: TypeAlias = Callable[[str], Iterable[Found]]
Phrases: TypeAlias = dict[str, list[tuple[tuple[str, ...], bool, Mark]]]
"""First word → phrases: all their words, whether in small letters only, what they are."""


def marked(
    tokens: Sequence[str], find: Finder, looked: Callable[[int], None] = lambda _: None
) -> Marks:
    """The mark of each token; a long text is looked at in windows that overlap."""
    marks: Marks = [None] * len(tokens)
    first = 0
    while first < len(tokens):
        text, owners = written(tokens[first : first + WINDOW])
        for one in clusters(find(text)):
            mark = Mark(one.kind, one.score, first + one.start)
            for owner in owners[one.start : one.end]:
                if owner is not None:
                    marks[first + owner] = mark
        last = first + WINDOW >= len(tokens)
        looked(len(tokens) - first if last else WINDOW - OVERLAP)
        first += WINDOW if last else WINDOW - OVERLAP
    return marks


def clusters(found: Iterable[Found]) -> Iterator[Found]:
    """What overlaps as one: all of it is masked, and called what the surest of them says."""
    group: list[Found] = []
    end = -1
    for one in sorted(found):
        if group and one.start >= end:
            yield _one(group)
            group = []
        end = max(end, one.end) if group else one.end
        group.append(one)
    if group:
        yield _one(group)


def _one(group: Sequence[Found]) -> Found:
    best = max(group, key=lambda one: (one.score, one.end - one.start))
    return best._replace(start=group[0].start, end=max(one.end for one in group))


def groups(marks: Sequence[Mark | None]) -> Iterator[tuple[int, int, Mark]]:
    """Runs of the same mark: the first token, the one after the last, the mark."""
    first = 0
    for at in range(1, len(marks) + 1):
        if at == len(marks) or marks[at] != marks[first]:
            mark = marks[first]
            if mark is not None:
                yield first, at, mark
            first = at


def phrases(lines: Iterable[tuple[Sequence[str], Sequence[Mark | None]]]) -> Phrases:
    """All that was found anywhere, to be found everywhere: a recogniser is not always awake."""
    known: Phrases = {}
    for tokens, marks in lines:
        for first, end, mark in groups(marks):
            for phrase in _forms(tokens[first:end], mark):
                keys = tuple(filter(None, map(key, phrase)))
                if keys and len("".join(keys)) >= (3 if keys[0].isdigit() else 2):
                    small = not any(map(_is_high, phrase))
                    known.setdefault(keys[0], []).append((keys, small, mark))
    return {first: sorted(found, key=lambda one: -len(one[0])) for first, found in known.items()}


def _forms(tokens: Sequence[str], mark: Mark) -> Iterator[Sequence[str]]:
    """A phrase as it is, as a number in one, and each part of a person's name."""
    yield tokens
    if len(tokens) > 1:
        text = written(tokens).text.strip()
        if sum(map(str.isdigit, text)) >= 3:
            yield [text]
        if mark.kind == "PERSON":
            parts = (one for one in tokens if _is_high(one) and len(key(one)) >= 3)
            yield from ([one] for one in parts if key(one) not in TITLES)


def repeated(tokens: Sequence[str], marks: Marks, known: Phrases) -> None:
    """Mark what is in ``known``; a lone word in small letters only if it was found so."""
    keys = [key(token) for token in tokens]
    for at, first in enumerate(keys):
        for phrase, small, mark in known.get(first, ()):
            end = at + len(phrase)
            if tuple(keys[at:end]) != phrase or all(marks[at:end]):
                continue
            if len(phrase) > 1 or small or _is_high(tokens[at]) or first.isdigit():
                marks[at:end] = [mark._replace(number=-1 - at)] * len(phrase)
                break


def key(token: str) -> str:
    """A token without case, punctuation and possession."""
    plain = token.replace("\u2019", "'").casefold().strip('.,;:!?"()')
    return "".join(filter(str.isalnum, plain.removesuffix("'s")))


def _is_high(token: str) -> bool:
    return any(map(str.isupper, token))
