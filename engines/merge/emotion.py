"""How it is said: spans of emotion → segments. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate

import msgspec

from engines.merge.pieces import meets
from streams.transcript import EmotionSpan, Segment


def felt(segments: Iterable[Segment], spans: Sequence[EmotionSpan]) -> Iterator[Segment]:
    """Each segment with the emotion of the span that covers most of it, on its channel.

    Where no span covers half of it nothing is known: the engine found it too short to judge.
    """
    spans = sorted(spans, key=lambda span: (span.start, span.end))
    starts = [span.start for span in spans]
    ends = list(accumulate((span.end for span in spans), max))
    for segment in segments:
        near = spans[bisect_left(ends, segment.start) : bisect_right(starts, segment.end)]
        fitting = [span for span in near if meets(span.channel, segment.channel)]
        best = max(fitting, key=lambda span: _fit(span, segment), default=None)
        if best and 2 * _overlap(best, segment) >= segment.end - segment.start:
            yield msgspec.structs.replace(segment, emotion=best.emotion)
        else:
            yield segment


def _fit(span: EmotionSpan, segment: Segment) -> tuple[float, float]:
    """The longest overlap; of equals the shortest span, as it is about least else."""
    return _overlap(span, segment), span.start - span.end


def _overlap(span: EmotionSpan, segment: Segment) -> float:
    return min(span.end, segment.end) - max(span.start, segment.start)
