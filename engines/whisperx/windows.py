"""A long stretch in windows whose edges are heard with what is around them. Pure; in samples."""

from collections.abc import Iterator
from typing import NamedTuple

STEP = 320
"""Samples a frame, in every wav2vec2 model."""
AROUND = 50 * STEP
"""A second on each side: what a model needs to hear of the context."""


class Span(NamedTuple):
    """What is heard, and which of its frames are kept: [skip, keep)."""

    start: int
    end: int
    skip: int
    keep: int | None


def spans(length: int, window: int) -> Iterator[Span]:
    """Windows over all of it; just one where it fits, as the library would hear it."""
    if length <= window:
        yield Span(0, length, 0, None)
        return
    size = max(1, window // STEP) * STEP
    for start in range(0, length, size):
        first = max(0, start - AROUND)
        skip = (start - first) // STEP
        if length - start < size + AROUND:  # a rest of less than a second would be no window
            yield Span(first, length, skip, None)
            return
        yield Span(first, start + size + AROUND, skip, skip + size // STEP)
