"""Every place in a segment where words stand, as lines of tokens with their marks. Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from engines.presidio.marks import Mark, Marks, groups
from engines.presidio.mask import tokens
from streams.transcript import Segment, Word


class Line(msgspec.Struct, eq=False):
    """Some tokens; ``surface`` says where they stand: text, words, clean, clean_words.

    Lines of one ``stream`` follow each other as one text: what is personal may cross segments.
    """

    surface: str
    segment: int
    tokens: list[str]
    channel: int | None = None
    marks: Marks = []

    def __post_init__(self) -> None:
        self.marks = [None] * len(self.tokens)

    @property
    def stream(self) -> tuple[str, int | None] | None:
        """None for a text that stands alone."""
        return (self.surface, self.channel) if self.surface else None


def of_segments(segments: Iterable[Segment]) -> list[Line]:
    """The lines of all segments; words that are just those of the text have none of their own."""
    lines: list[Line] = []
    for number, segment in enumerate(segments):
        clean = segment.clean
        for surface, text, words in (
            ("text", segment.text, segment.words),
            ("clean", clean.text if clean else "", clean.words if clean else ()),
        ):
            split, said = tokens(text), [word.text for word in words]
            lines.append(Line(surface, number, split, segment.channel))
            if said and said != split:
                lines.append(Line(_words_of(surface), number, said, segment.channel))
    return lines


def agree(segments: Sequence[Segment], lines: Iterable[Line]) -> None:
    """What is masked in one form of a segment is masked in all of them.

    Words by their times; a form without times in which less was found than in another is masked
    as a whole: better too much than a name.
    """
    found = {(line.surface, line.segment): line for line in lines}
    for number, segment in enumerate(segments):
        text = found["text", number]
        words = found.get(("words", number), text)
        clean = found["clean", number]
        fair = found.get(("clean_words", number), clean)
        if segment.clean and segment.clean.words and segment.words:
            _by_time(segment.words, words, segment.clean.words, fair)
            _by_time(segment.clean.words, fair, segment.words, words)
        for one, other in ((words, text), (text, words), (fair, clean)):
            if _count(one) > _count(other):
                _whole(one, other)
        for one, other in ((text, clean), (clean, text), (text, words)):
            if _kinds(one) - _kinds(other):
                _whole(one, other)


def _count(line: Line) -> int:
    return sum(1 for _ in groups(line.marks))


def _kinds(line: Line) -> set[str]:
    return {mark.kind for mark in line.marks if mark}


def _whole(one: Line, other: Line) -> None:
    """Mask all of the other form, as what it hides cannot be told."""
    first = next(filter(None, one.marks))
    other.marks[:] = [first] * len(other.tokens)


def _by_time(words: Sequence[Word], line: Line, others: Sequence[Word], other: Line) -> None:
    """Give the marks of words to those others whose middle lies in the same time."""
    for first, end, mark in groups(line.marks):
        start, until = words[first].start, words[end - 1].end
        for at, word in enumerate(others):
            if start <= (word.start + word.end) / 2 <= until and other.marks[at] is None:
                other.marks[at] = Mark(mark.kind, mark.score, mark.number)


def _words_of(surface: str) -> str:
    return "words" if surface == "text" else "clean_words"
