"""Where the words of a known text lie in the audio: what every aligner's engine shares. Pure.

An aligner knows the place of most words; each of the others gets its share of what lies between,
by its length, so that every word has a time, in order, within its stretch of the audio.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from streams.transcript import Character, Segment, Word

UNSPACED = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages that put no space between words: every character is taken for one."""
SLACK_S = 0.2
"""A transcriber may cut into a word: an aligner may look so much beyond, where nobody speaks."""
BLANK_WEIGHT = 1


class Place(NamedTuple):
    """Of one word; seconds."""

    start: float
    end: float
    probability: float | None = None
    characters: tuple[Character, ...] = ()


class Stretch(NamedTuple):
    """Of the audio, in seconds: where the words of one segment are looked for."""

    start: float
    end: float


def tokens(segment: Segment, language: str | None) -> tuple[str, ...]:
    """The words of a segment as its transcriber gave them, else as its text is written."""
    if segment.words:
        return tuple(word.text for word in segment.words)
    words = segment.text.split()
    return tuple("".join(words)) if language in UNSPACED else tuple(words)


def stretches(segments: Sequence[Segment], duration: float) -> list[Stretch]:
    """Where to look for each segment: with some slack, but not into its neighbours' speech."""
    found = [Stretch(0.0, 0.0)] * len(segments)
    for channel in {segment.channel for segment in segments}:
        order = [n for n, segment in enumerate(segments) if segment.channel == channel]
        order.sort(key=lambda n: (segments[n].start, segments[n].end))
        spans = [(segments[n].start, segments[n].end) for n in order]
        for at, (number, (start, end)) in enumerate(zip(order, spans, strict=True)):
            before = spans[at - 1][1] if at else 0.0
            after = spans[at + 1][0] if at + 1 < len(spans) else duration
            first = min(start, max(start - SLACK_S, before, 0.0))
            last = max(end, min(end + SLACK_S, after))
            found[number] = Stretch(min(max(first, 0.0), duration), min(last, duration))
    return found


def shifted(places: Sequence[Place | None], seconds: float) -> list[Place | None]:
    """The same so much later."""
    return [
        place
        and Place(
            place.start + seconds,
            place.end + seconds,
            place.probability,
            tuple(
                Character(c.text, c.start + seconds, c.end + seconds, c.probability)
                for c in place.characters
            ),
        )
        for place in places
    ]


def filled(words: Sequence[str], places: Sequence[Place | None], stretch: Stretch) -> list[Place]:
    """A place for each word: in order, within the stretch; what is not known is shared out."""
    found: list[Place] = []
    at = stretch.start
    for first, last in _runs(places):
        place = places[first]
        if place is None:
            after = places[last] if last < len(places) else None
            until = max(at, min(after.start, stretch.end)) if after else stretch.end
            found += shared(words[first:last], Stretch(at, until))
        else:
            found.append(_kept(place, Stretch(at, stretch.end)))
        at = found[-1].end
    return found


def shared(words: Sequence[str], stretch: Stretch) -> list[Place]:
    """A stretch of time divided among words by their number of characters."""
    weights = [len(word) + BLANK_WEIGHT for word in words]
    whole, done, found = sum(weights), 0, []
    for weight in weights:
        start, end = (
            round(stretch.start + (stretch.end - stretch.start) * share / whole, 3)
            for share in (done, done + weight)
        )
        found.append(Place(start, end))
        done += weight
    return found


def with_places(segment: Segment, words: Sequence[str], places: Sequence[Place]) -> Segment:
    """The segment with these times; what its transcriber said of its words stands."""
    known = segment.words or tuple(Word(word, 0.0, 0.0) for word in words)
    return msgspec.structs.replace(
        segment,
        words=tuple(
            msgspec.structs.replace(
                word,
                start=place.start,
                end=place.end,
                probability=place.probability if word.probability is None else word.probability,
                characters=place.characters or word.characters,
            )
            for word, place in zip(known, places, strict=True)
        ),
    )


def _runs(places: Sequence[Place | None]) -> Iterator[tuple[int, int]]:
    """Known places one by one, unknown neighbours together: (first, after the last)."""
    first = 0
    for number, place in enumerate(places):
        if place is not None:
            if first < number:
                yield first, number
            yield number, number + 1
            first = number + 1
    if first < len(places):
        yield first, len(places)


def _kept(place: Place, stretch: Stretch) -> Place:
    start, end = _clamp(place.start, stretch), _clamp(place.end, stretch)
    characters: list[Character] = []
    at = start
    for one in place.characters:
        begin = _clamp(one.start, Stretch(at, end))
        at = _clamp(one.end, Stretch(begin, end))
        characters.append(Character(one.text, begin, at, one.probability))
    return Place(start, max(start, end), place.probability, tuple(characters))


def _clamp(seconds: float, stretch: Stretch) -> float:
    return round(min(max(seconds, stretch.start), max(stretch.end, stretch.start)), 3)
