"""What faster-whisper returns → our shapes. Pure: its objects are read, it is not imported."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from streams.transcript import Segment, Word

ENDS = (".", "?", "!", "。", "？", "！", "…")  # noqa: RUF001 - other scripts end a sentence too
TITLES = frozenset({"mr.", "mrs.", "ms.", "dr.", "st.", "prof.", "messrs."})
JOINERS = ("-", "'", "\u2019")  # not after white space: they go on with the word before
PAUSE_S = 1.0
MAX_LINE_S = 15.0
NO_SPEECH = 0.6
LOW_LOGPROB = -1.0
REPEATS = 2.4


class HeardWord(Protocol):
    """A word as the library has it: white space in front, times that may overlap."""

    word: str
    start: float
    end: float
    probability: float


class Heard(Protocol):
    """A segment as the library has it."""

    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float

    @property
    def words(self) -> Sequence[HeardWord] | None:
        """Only when they were asked for."""


class Spoken(NamedTuple):
    """A word with the white space that the library gave it: not every script puts any."""

    raw: str
    word: Word


def finished(prompt: str | None) -> str | None:
    """A prompt as a whole sentence: one that breaks off is gone on with, and first words missed."""
    if prompt is None or not prompt.strip():
        return None
    text = prompt.strip()
    return text if text.endswith(ENDS) else f"{text}."


def is_silence(heard: Heard) -> bool:
    """Whisper's own rule: it doubts that anybody speaks, and its text."""
    return heard.no_speech_prob > NO_SPEECH and heard.avg_logprob < LOW_LOGPROB


def is_doubtful(heard: Heard) -> bool:
    """Text that turns in circles or was guessed: worth another try at another temperature."""
    return heard.compression_ratio > REPEATS or heard.avg_logprob < LOW_LOGPROB


def spoken(heard: Heard, offset: float, earliest: float, latest: float) -> list[Spoken]:
    """Its words, ``offset`` seconds later: none empty, times monotone and within the bounds."""
    found: list[Spoken] = []
    for item in heard.words or ():
        if not item.word.strip():
            continue
        start = _plain(min(max(item.start + offset, earliest), latest), 3)
        end = _plain(min(max(item.end + offset, start), latest), 3)
        word = Word(item.word.strip(), start, end, _plain(item.probability, 4))
        if found and item.word.startswith(JOINERS):
            found[-1] = joined(found[-1], item.word, word)
        else:
            found.append(Spoken(item.word, word))
        earliest = end
    return found


def joined(first: Spoken, raw: str, second: Word) -> Spoken:
    """One word of two that the library cut apart: "cold" and "-hearted"."""
    doubts = [p for p in (first.word.probability, second.probability) if p is not None]
    text = first.word.text + second.text
    word = Word(text, first.word.start, second.end, min(doubts, default=None))
    return Spoken(first.raw + raw, word)


def lines(words: Sequence[Spoken]) -> Iterator[list[Spoken]]:
    """Cut after a sentence, in a pause, or where a line gets too long to read."""
    line: list[Spoken] = []
    for item in words:
        if line and _ends(line[0].word, line[-1].word, item.word):
            yield line
            line = []
        line.append(item)
    if line:
        yield line


def segments(
    heard: Heard, words: Sequence[Spoken], *, channel: int | None, keep_words: bool
) -> Iterator[Segment]:
    """One segment of the library, which may be as long as its window, as readable ones."""
    for line in lines(words):
        yield Segment(
            start=line[0].word.start,
            end=line[-1].word.end,
            text="".join(item.raw for item in line).strip(),
            words=tuple(item.word for item in line) if keep_words else (),
            channel=channel,
            no_speech_probability=_plain(heard.no_speech_prob, 4),
            average_logprob=_plain(heard.avg_logprob, 4),
            compression_ratio=_plain(heard.compression_ratio, 3),
        )


def in_order(found: Iterable[Segment]) -> tuple[Segment, ...]:
    """Tracks interleaved by time."""
    return tuple(sorted(found, key=lambda s: (s.start, s.end, s.channel or 0)))


def _ends(first: Word, last: Word, following: Word) -> bool:
    sentence = last.text.endswith(ENDS) and last.text.lower() not in TITLES
    too_long = following.end - first.start > MAX_LINE_S
    return sentence or too_long or following.start - last.end >= PAUSE_S


def _plain(value: float, digits: int) -> float:
    """The library's numbers may be numpy's, which no codec takes."""
    return round(float(value), digits)
