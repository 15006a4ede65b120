"""Transcript → cues of subtitles: short, well broken, on the times of the words. Pure."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from streams.transcript import Segment, Transcript, Word

WIDTH = 42
"""Characters of a line, as broadcasters have it."""
LINES = 2
LONGEST_S = 7.0
SHORTEST_S = 0.7
"""A cue that would flash by stays so long, unless the next one begins."""
PAUSE_S = 1.5
"""A silence between two words that ends a cue."""
STOPS = tuple(".!?…。！？؟।")  # noqa: RUF001 - other scripts have their own
COMMAS = tuple(",;:、，；：،")  # noqa: RUF001


class Cue(msgspec.Struct, frozen=True):
    """Text shown from ``start`` to ``end`` (seconds), in one or two lines."""

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None


UNSPACED = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my"})
"""Languages written without blanks between words."""


def cues(transcript: Transcript) -> list[Cue]:
    """The whole transcript as cues, in order, none overlapping the next."""
    names = {speaker.id: speaker.name or speaker.id for speaker in transcript.speakers}
    made = [
        cue
        for segment in transcript.segments
        for cue in _of_segment(segment, names, _blank(segment.language or transcript.language))
    ]
    made.sort(key=lambda cue: (cue.start, cue.end))
    return list(_apart(made, transcript.duration))


def _blank(language: str | None) -> str:
    return "" if language in UNSPACED else " "


def _of_segment(segment: Segment, names: dict[str, str], blank: str) -> Iterator[Cue]:
    for group in _groups(_words(segment), blank):
        speaker = group[0].speaker
        yield Cue(
            start=group[0].start,
            end=group[-1].end,
            lines=_lines([word.text for word in group], blank),
            speaker=names.get(speaker, speaker) if speaker else None,
        )


def _words(segment: Segment) -> list[Word]:
    """The segment's words; without times of its own each gets its share by length.

    A word whose speaker is not known is shown with its segment's.
    """
    timed = [_timed(word, segment.speaker) for word in segment.words if word.text.strip()]
    if timed:
        return [part for word in timed for part in _pieces(word)]
    texts = segment.text.split()
    total = sum(len(text) for text in texts)
    words, at = [], segment.start
    for text in texts:
        end = at + (segment.end - segment.start) * len(text) / total
        words.append(Word(text=text, start=at, end=end, speaker=segment.speaker))
        at = end
    return [part for word in words for part in _pieces(word)]


def _timed(word: Word, speaker: str | None) -> Word:
    """The word with its white space as single blanks, and an end that is not before its start."""
    return msgspec.structs.replace(
        word,
        text=" ".join(word.text.split()),
        end=max(word.start, word.end),
        speaker=word.speaker or speaker,
    )


def _pieces(word: Word) -> Iterator[Word]:
    """A word too long for a line (a script without blanks) in pieces that fit."""
    parts = [word.text[i : i + WIDTH] for i in range(0, len(word.text), WIDTH)]
    step = (word.end - word.start) / len(parts)
    for number, part in enumerate(parts):
        start = word.start + number * step
        yield msgspec.structs.replace(word, text=part, start=start, end=start + step)


def _groups(words: Sequence[Word], blank: str) -> Iterator[list[Word]]:
    """Runs of words that make one cue each."""
    rest = list(words)
    while rest:
        size = _fitting(rest, blank)
        if size < len(rest):
            size = _break(rest, size)
        yield rest[:size]
        rest = rest[size:]


def _fitting(words: Sequence[Word], blank: str) -> int:
    """How many words one cue can take by length, time, silence and speaker; at least one."""
    for number, word in enumerate(words[1:], start=1):
        before = words[number - 1]
        if (
            word.speaker != before.speaker
            or word.start - before.end > PAUSE_S
            or word.end - words[0].start > LONGEST_S
            or len(_lines([w.text for w in words[: number + 1]], blank)) > LINES
        ):
            return number
    return len(words)


def _break(words: Sequence[Word], size: int) -> int:
    """A place to end the cue that reads better than its limit: a full stop, then a comma."""
    for marks, least in ((STOPS, size // 3), (COMMAS, size // 2)):
        for number in range(size, max(least, 1) - 1, -1):
            if words[number - 1].text.endswith(marks):
                return number
    return size


def _lines(texts: Iterable[str], blank: str) -> tuple[str, ...]:
    """Words in as few lines as will do, two lines of about the same length."""
    words = list(texts)
    text = blank.join(words)
    if len(text) <= WIDTH:
        return (text,)
    splits = [(blank.join(words[:n]), blank.join(words[n:])) for n in range(1, len(words))]
    fitting = [pair for pair in splits if max(map(len, pair)) <= WIDTH]
    if fitting:
        return min(fitting, key=lambda pair: max(map(len, pair)))
    return _wrapped(words, blank)


def _wrapped(words: Iterable[str], blank: str) -> tuple[str, ...]:
    lines = [""]
    for word in words:
        longer = f"{lines[-1]}{blank}{word}".strip()
        if lines[-1] and len(longer) > WIDTH:
            lines.append(word)
        else:
            lines[-1] = longer
    return tuple(lines)


def _apart(made: Sequence[Cue], duration: float) -> Iterator[Cue]:
    """Each cue long enough to be read, but never into the next one."""
    for number, cue in enumerate(made):
        following = made[number + 1].start if number + 1 < len(made) else max(duration, cue.end)
        wanted = max(cue.end, cue.start + SHORTEST_S)
        end = min(wanted, following) if following > cue.start else wanted
        yield msgspec.structs.replace(cue, end=max(end, cue.start))
