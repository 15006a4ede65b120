"""A transcript as people have corrected it: names of speakers, and other words. Pure.

What an engine heard is never written over: names and edits are laid over it when it is read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from msgspec.structs import replace

from streams.transcript import Clean, Segment, Transcript, Word

EDGES = re.compile(r"^\W+|\W+$")
Span = tuple[float, float]


def edited(
    transcript: Transcript, names: Mapping[str, str], edits: Mapping[str, str]
) -> Transcript:
    """The transcript with a job's ``names`` and ``edits``; one that fits nothing is passed over."""
    if not names and not edits:
        return transcript
    speakers = tuple(
        replace(one, name=names.get(one.id, one.name)) for one in transcript.speakers
    )  # fmt: skip
    segments = tuple(
        segment if (text := edits.get(str(number))) is None else reworded(segment, text)
        for number, segment in enumerate(transcript.segments)
    )
    return replace(transcript, speakers=speakers, segments=segments)


def reworded(segment: Segment, text: str) -> Segment:
    """The segment with the text that a person put in place.

    Words that stay keep their times. Those that were replaced share the time of what they replace;
    what was put between takes the gap that is there. A segment without words gets none. What the
    engine thought of its own text is not said of a person's.
    """
    text = " ".join(text.split())
    if text == " ".join(segment.text.split()):
        return segment
    words = tuple(_timed(segment, tokens(segment, text))) if segment.words else ()
    clean = segment.clean and Clean(text=text, words=words, paragraph=segment.clean.paragraph)
    return replace(
        segment, text=text, words=words, clean=clean, edited=True,
        average_logprob=None, compression_ratio=None,
    )  # fmt: skip


def is_spaced(segment: Segment) -> bool:
    """Whether the segment's words have blanks between them, as far as can be seen."""
    return len(segment.words) < 2 or " " in segment.text.strip()


def tokens(segment: Segment, text: str) -> list[str]:
    """The words of a text; in a script without blanks, as the segment cut its own."""
    if is_spaced(segment):
        return text.split()
    known = sorted({re.escape(word.text) for word in segment.words}, key=len, reverse=True)
    return re.findall("|".join([*known, r"\S"]), text)


def spelled(segment: Segment) -> list[str]:
    """The segment's words as its text has them: some engines time words without their marks."""
    texts = tokens(segment, segment.text)
    return texts if len(texts) == len(segment.words) else [word.text for word in segment.words]


def key(word: str) -> str:
    """A word as it sounds: neither its case nor the marks around it make it another."""
    return EDGES.sub("", word).casefold() or word


def changes(
    before: Sequence[str], after: Sequence[str]
) -> Sequence[tuple[str, int, int, int, int]]:
    """What leads from words to words, as `difflib` says it."""
    matcher = SequenceMatcher(None, [*map(key, before)], [*map(key, after)], autojunk=False)
    return matcher.get_opcodes()


def _timed(segment: Segment, texts: Sequence[str]) -> Iterator[Word]:
    """The new words in order, none before the one before it or outside the segment."""
    old, was, at = segment.words, spelled(segment), segment.start
    for what, i, j, k, m in changes(was, texts):
        if what == "delete":
            continue
        if what == "equal" or j - i == m - k:
            for n, text in enumerate(texts[k:m], start=i):
                word = old[n]
                same = text == was[n]  # spelled otherwise, it is no longer the engine's
                yield word if same else _new(text, (word.start, word.end), word.speaker)
        else:
            gap = (at, max(at, old[i].start if i < len(old) else segment.end))
            span = (old[i].start, old[j - 1].end) if j > i else gap
            for n, (text, time) in enumerate(
                zip(texts[k:m], shares(span, texts[k:m]), strict=True)
            ):
                near = min(i + n * (j - i) // (m - k), len(old) - 1)
                yield _new(text, time, old[near].speaker)
        at = old[j - 1].end if j else at


def _new(text: str, span: Span, speaker: str | None) -> Word:
    return Word(text=text, start=span[0], end=span[1], speaker=speaker)


def shares(span: Span, texts: Sequence[str]) -> Iterator[Span]:
    """The time parted by the length of the words."""
    (start, end), total, done = span, sum(map(len, texts)), 0
    for text in texts:
        first = start + (end - start) * done / total
        done += len(text)
        last = start + (end - start) * done / total if done < total else end
        yield first, min(max(first, last), end)
