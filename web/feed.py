"""What one reader of the live log is told, in order: the same for websockets and SSE."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from projector.queries import Checkpoint
from web.backends import Backends
from web.hub import PAUSE_S, Hub, Subscription, Told
from web.messages import CaughtUp, FellBehind, Notice
from web.tail import Broken, Point, Tail


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What a reader asks for: ``after`` is proved or answered with a snapshot, ``first`` is not."""

    tenant: str
    job: str | None = None
    after: Point | None = None
    first: int | None = None


class Feed:
    """Tells one reader everything, from where it stands to for ever."""

    def __init__(self, backends: Backends, hub: Hub, request: Request) -> None:
        self._hub = hub
        self._tail = Tail(backends)
        self._request = request
        self._at: Checkpoint | None = None
        self._late = False
        """Whether the reader is owed a caught_up."""
        self._proved = True
        """Whether the place where the reader stands is known to be one of this log."""

    async def messages(self) -> AsyncIterator[Told | Notice]:
        """Events and notices until the hub closes. Raises what reading the servers raises."""
        await self._hub.ready()
        request = self._request
        self._begin()
        with self._hub.subscribe(job=request.job, tenant=request.tenant) as reader:
            while not reader.closed:
                if self._at is None:
                    snapshot = await self._hub.snapshots.of(request.tenant, request.job)
                    self._at = Checkpoint(snapshot.seq, "", snapshot.epoch)
                    self._proved = True
                    yield snapshot
                    del snapshot  # it is large, and this goes on for long
                try:
                    async for told in self._join(reader):
                        yield told
                except Broken:
                    self._at = None
                    await asyncio.sleep(PAUSE_S)
                    continue
                if self._late:
                    yield CaughtUp(self._at.epoch, self._at.seq)
                    self._late = False
                async for told in reader:
                    if self._passed(told):
                        yield told
                if not reader.closed:
                    yield FellBehind()
                    self._late, self._proved = True, False

    def _begin(self) -> None:
        request = self._request
        if request.first is not None:
            self._at = Checkpoint(max(request.first, 1) - 1)
        elif request.after is not None:
            self._at = Checkpoint(request.after.seq, request.after.id, request.after.epoch)
            self._proved = False
        self._late = self._at is not None

    async def _join(self, reader: Subscription) -> AsyncIterator[Told]:
        """Attach, and tell what lies between the reader and the hub."""
        assert self._at is not None
        upto = reader.attach()
        # Only now: what happens to the log after this makes the reader fall again.
        stand = Point(self._at.epoch, self._at.seq, self._at.id)
        if not self._proved and not await self._tail.stands(stand):
            raise Broken(f"the log has no event {self._at.seq} of epoch {self._at.epoch}")
        after, request = self._at.seq, self._request
        batches = self._tail.between(after, upto, job=request.job, tenant=request.tenant)
        async for batch in batches:
            for event in batch:
                told = Told(event)
                if self._passed(told):
                    yield told
        # While Redis is being recovered the archive is an epoch ahead of the hub at the same event.
        if (upto.seq, upto.epoch) >= (self._at.seq, self._at.epoch):
            self._at = upto

    def _passed(self, told: Told) -> bool:
        """Whether the event is new to the reader, who has then seen it."""
        assert self._at is not None
        event = told.event
        if event.seq <= self._at.seq:
            return False
        self._at = Checkpoint(event.seq, event.id, event.epoch)
        return True
