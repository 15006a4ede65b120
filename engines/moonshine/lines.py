"""What Moonshine's library returns → our segments. Pure: its objects are read, not imported."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from streams.transcript import Segment


class Line(Protocol):
    """A stretch of speech as the library heard it; seconds from the start of what it was given."""

    text: str
    start_time: float
    duration: float


def segments(
    lines: Iterable[Line], offset: float, seconds: float, channel: int | None
) -> Iterator[Segment]:
    """The lines that say something, ``offset`` seconds later, within the ``seconds`` listened to.

    The library begins a line half a second before the voice that it heard: at a pause too short
    for that, a line begins before the one in front of it has ended.
    """
    for line in lines:
        if text := " ".join(line.text.split()):
            start = min(max(line.start_time, 0.0), seconds)
            end = min(max(line.start_time + line.duration, start), seconds)
            yield Segment(
                start=round(offset + start, 3),
                end=round(offset + end, 3),
                text=text,
                channel=channel,
            )
