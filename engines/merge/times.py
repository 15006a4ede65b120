"""Times kept within the audio, segments in order. Pure."""

from collections.abc import Iterable

import msgspec

from streams.transcript import Segment, Word


def ordered(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """By time, then by channel; without those that say nothing."""
    spoken = [segment for segment in segments if segment.text.strip() or segment.words]
    return tuple(
        sorted(spoken, key=lambda s: (s.start, s.end, -1 if s.channel is None else s.channel))
    )


def within(segment: Segment, duration: float) -> Segment:
    """The segment with its times in [0, duration] and around its words.

    Models pad the audio, so the last word may end after it.
    """
    words = tuple(_word_within(word, duration) for word in segment.words)
    start = min([clamp(segment.start, duration), *(word.start for word in words)])
    end = max([clamp(segment.end, duration), start, *(word.end for word in words)])
    tidy = segment.clean and msgspec.structs.replace(
        segment.clean, words=tuple(_word_within(word, duration) for word in segment.clean.words)
    )
    return msgspec.structs.replace(segment, start=start, end=end, words=words, clean=tidy)


def clamp(seconds: float, duration: float) -> float:
    """The time, or the end of the audio that it lies outside of."""
    return min(max(seconds, 0.0), duration)


def _word_within(word: Word, duration: float) -> Word:
    start = clamp(word.start, duration)
    end = max(start, clamp(word.end, duration))
    characters = []
    for one in word.characters:
        begins = clamp(one.start, duration)
        ends = max(begins, clamp(one.end, duration))
        characters.append(msgspec.structs.replace(one, start=begins, end=ends))
    return msgspec.structs.replace(word, start=start, end=end, characters=tuple(characters))
