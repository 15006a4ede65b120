"""One tailer of the log for the whole process, fanned out to bounded queues.

Nobody waits for a slow reader: when its queue is full it is emptied and the reader is told that it
fell; it reads what it missed from the archive and attaches again. Joining at first, resuming and
catching up are one and the same thing: attach at the hub's point, read up to there, go on live.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from functools import cached_property

import msgspec
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from projector import queries
from projector.queries import Checkpoint
from streams.cloudevents import cloud_event
from streams.errors import LogMissing, UnreadableEvent
from streams.events import Event
from web.backends import Backends
from web.snapshots import Snapshots
from web.tail import Broken

log = logging.getLogger(__name__)

LINGER_S = 0.005
"""Events of so short a time go out together: what wakes an engine need not wake the web too."""
PAUSE_S = 0.5
"""Between two tries when a server is away."""


class Told:
    """An event on its way to readers: its message is written once, for all of them."""

    def __init__(self, event: Event) -> None:
        self.event = event

    @cached_property
    def body(self) -> str:
        """The CloudEvent as JSON."""
        return msgspec.json.encode(cloud_event(self.event)).decode()

    @cached_property
    def message(self) -> str:
        """The message of the socket as JSON."""
        return f'{{"type":"event","event":{self.body}}}'


class Subscription:
    """One reader's queue. Iterate over it for what is live; it ends when the reader fell."""

    def __init__(self, hub: "Hub", limit: int) -> None:
        self.closed = False
        self.fell = False
        self._hub = hub
        self._limit = limit
        # There are thousands of these: a deque takes 760 bytes, an asyncio.Event has one too.
        self._queue: list[Told] = []
        self._bell: asyncio.Future[None] | None = None

    def attach(self) -> Checkpoint:
        """Begin anew: the queue gets every event after the point that is returned."""
        self._queue.clear()
        self.fell = False
        assert self._hub.point is not None, "wait for the hub to be ready first"
        return self._hub.point

    def offer(self, told: Told) -> bool:
        """Put one more event into the queue; False when that made the reader fall."""
        if self.fell:
            return True
        if len(self._queue) >= self._limit:
            self.drop()
            return False
        self._queue.append(told)
        self._ring()
        return True

    def drop(self) -> None:
        """Make the reader fall: it will read again from where it is."""
        self._queue.clear()
        self.fell = True
        self._ring()

    def close(self) -> None:
        """End the reader's iteration for good."""
        self.closed = True
        self._ring()

    @property
    def ended(self) -> bool:
        """Nothing more comes out of the queue."""
        return self.closed or self.fell

    async def __aiter__(self) -> AsyncIterator[Told]:
        while not self.ended:
            if not self._queue:
                self._bell = asyncio.get_running_loop().create_future()
                await self._bell
            queue, self._queue = self._queue, []
            for told in queue:
                if self.ended:
                    break
                yield told

    def _ring(self) -> None:
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)


class Hub:
    """The tailer and all readers. `run` is a task of the application's life."""

    def __init__(self, backends: Backends) -> None:
        self.point: Checkpoint | None = None
        self.live = False
        """Whether Redis answers and the log goes on from the point."""
        self.behind = 0
        """How often a reader fell."""
        self.snapshots = Snapshots(backends)
        self._backends = backends
        self._ready = asyncio.Event()
        self._closed = False
        self._readers: dict[tuple[str, str | None], set[Subscription]] = {}
        """By tenant and job: an event costs nothing for those whom it does not concern."""

    @property
    def readers(self) -> int:
        """How many there are."""
        return sum(len(group) for group in self._readers.values())

    async def ready(self) -> None:
        """Wait until the hub stands somewhere in the log."""
        await self._ready.wait()

    @contextmanager
    def subscribe(self, *, job: str | None, tenant: str) -> Iterator[Subscription]:
        """A reader of all events, or of one job's."""
        reader = Subscription(self, self._backends.settings.socket_queue)
        reader.closed = self._closed
        group = self._readers.setdefault((tenant, job), set())
        group.add(reader)
        try:
            yield reader
        finally:
            group.discard(reader)
            if not group and self._readers.get((tenant, job)) is group:
                del self._readers[tenant, job]

    def close(self) -> None:
        """End all readers, so that the process can go."""
        self._closed = True
        self._ready.set()
        for reader in self._all():
            reader.close()

    async def run(self) -> None:
        """Follow the log for ever, through absences and recoveries of the servers."""
        while True:
            try:
                await self._place()
                await self._follow()
            except (LogMissing, Broken) as error:
                log.warning("the live tail begins anew: %s", error)
                await self._replace()
            except (RedisError, SQLAlchemyError, OSError, UnreadableEvent) as error:
                log.warning("the live tail waits: %s", error)
            self.live = False
            await asyncio.sleep(PAUSE_S)

    async def _place(self) -> None:
        if self.point is None:
            self.point = await self._checkpoint()
            self._ready.set()

    async def _replace(self) -> None:
        """Stand at the archive's end again; readers join anew when that is somewhere else."""
        with suppress(SQLAlchemyError, OSError):
            point = await self._checkpoint()
            if point != self.point:
                self.point = point
                for reader in self._all():
                    reader.drop()

    async def _checkpoint(self) -> Checkpoint:
        async with self._backends.reading() as connection:
            return await queries.checkpoint(connection)

    async def _follow(self) -> None:
        assert self.point is not None
        if await self._backends.log.head() is None:
            raise LogMissing("Redis holds no log: the projector makes or recovers it")
        self.live = True
        async for batch in self._backends.log.follow(self.point.seq, linger_s=LINGER_S):
            for event in batch:
                if self.point.id and event.prev != self.point.id:
                    raise Broken(f"event {event.seq} does not follow {self.point.id}")
                self.point = Checkpoint(event.seq, event.id, event.epoch)
                self._publish(event)

    def _publish(self, event: Event) -> None:
        told = Told(event)
        for reader in self._concerned(event):
            if not reader.offer(told):
                self.behind += 1

    def _concerned(self, event: Event) -> Iterator[Subscription]:
        """As `tail.concerns` has it: the tenant's, of all or of the job; of the system's, all."""
        if event.tenant:
            yield from self._readers.get((event.tenant, None), ())
            yield from self._readers.get((event.tenant, event.job), ())
        else:
            yield from (
                r for (_, job), group in self._readers.items() if job is None for r in group
            )

    def _all(self) -> list[Subscription]:
        return [reader for group in self._readers.values() for reader in group]
