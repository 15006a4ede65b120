"""What was heard in a clip → segments short enough to read. Pure."""

from collections.abc import Iterator

from engines.funasr.pauses import Clip
from engines.funasr.results import Heard, Placed
from streams.transcript import Segment, Word

ENDS = (".", "?", "!", "。", "？", "！", "…")  # noqa: RUF001 - other scripts end a sentence too
PAUSE_S = 1.0
MAX_LINE_S = 15.0


def segments(
    clip: Clip, heard: Heard, *, channel: int | None, language: str | None, keep_words: bool
) -> Iterator[Segment]:
    """The clip (seconds from the track's start) as one segment, or cut where its words allow it."""
    lines = list(_lines(heard)) or [()]
    for number, line in enumerate(lines):
        first = 0 if number == 0 else line[0].first
        last = lines[number + 1][0].first if number + 1 < len(lines) else len(heard.text)
        text = heard.text[first:last].strip()
        if not text:
            continue
        words = tuple(_moved(placed.word, clip) for placed in line)
        yield Segment(
            start=words[0].start if words else clip.start,
            end=words[-1].end if words else clip.end,
            text=text,
            words=words if keep_words else (),
            channel=channel,
            language=heard.language or language,
            emotion=heard.emotion,
        )


def _moved(word: Word, clip: Clip) -> Word:
    """In the track's time, within the clip."""
    start = round(min(clip.start + word.start, clip.end), 3)
    return Word(word.text, start, round(max(start, min(clip.start + word.end, clip.end)), 3))


def _lines(heard: Heard) -> Iterator[tuple[Placed, ...]]:
    """Cut after a sentence, in a pause, or where a line gets too long."""
    line: list[Placed] = []
    for placed in heard.words:
        if line and _ends(line[0].word, line[-1].word, placed.word):
            yield tuple(line)
            line = []
        line.append(placed)
    if line:
        yield tuple(line)


def _ends(first: Word, last: Word, following: Word) -> bool:
    too_long = following.end - first.start > MAX_LINE_S
    return last.text.endswith(ENDS) or too_long or following.start - last.end >= PAUSE_S
