"""What is heard, on its way into the log while the work goes on: batches that an event can hold."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable

import msgspec

from streams.events import SOFT_LIMIT, Heard
from streams.transcript import Segment

log = logging.getLogger("dalston.engine")

TELL_S = 1.0
"""At most one event in so long, until the work is done."""
FULL = SOFT_LIMIT // 2
"""Bytes of segments in one event."""
LONGEST = 1000
"""Characters of one segment: whole in the output, it is cut here."""

Commit = Callable[[int, tuple[Heard, ...]], Awaitable[bool]]
_encode = msgspec.json.Encoder().encode


def heard(segments: Iterable[Segment]) -> tuple[Heard, ...]:
    """Segments as they are told: short, in plain numbers, for a library's own go on no wire."""
    return tuple(
        Heard(round(float(one.start), 3), round(float(one.end), 3), _cut(one.text.strip()))
        for one in segments
        if math.isfinite(one.start) and math.isfinite(one.end)
    )


class Telling:
    """Segments that wait to be told; whatever becomes of that, the attempt goes on.

    Args:
        commit: writes segments from a number on; False when the job has gone on without us.
    """

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._first = 0
        self._waiting: list[Heard] = []
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()
        self._over = False

    def add(self, first: int, segments: tuple[Heard, ...]) -> None:
        """More was heard; a number that goes back takes the place of what was there."""
        if not segments:
            return
        if first < self._first:
            self._first, self._waiting = first, []
        del self._waiting[first - self._first :]
        self._waiting += segments
        self._news.set()

    async def keep_on(self) -> None:
        """Tell what comes, a batch at a time, for as long as this runs."""
        while True:
            await self._news.wait()
            await self._tell()
            await asyncio.sleep(TELL_S)

    async def rest(self) -> None:
        """Tell all that still waits: the work is done."""
        while self._waiting and not self._over:
            await self._tell()

    async def _tell(self) -> None:
        async with self._turn:
            first, batch = self._first, packed(self._waiting)
            self._first += len(batch)
            del self._waiting[: len(batch)]
            if not self._waiting:
                self._news.clear()
            if not batch or self._over:
                return
            try:
                self._over = not await self._commit(first, batch)
            except Exception:  # it is told for those who watch; the output says it again
                log.exception("what was heard cannot be told")
                self._over = True


def packed(segments: list[Heard]) -> tuple[Heard, ...]:
    """The first of them, as many as fit into one event, one at least."""
    size = 0
    for number, segment in enumerate(segments):
        size += len(_encode(segment)) + 1
        if size > FULL and number:
            return tuple(segments[:number])
    return tuple(segments)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
