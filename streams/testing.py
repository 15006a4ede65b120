"""In-memory twins of Ledger, Queue and Artifacts, for tests that want no server.

They keep the same contract, fairness and fencing too; tests/streams/test_twins.py holds them to it.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Container
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self

from msgspec.structs import replace

from streams import commit as ledgers
from streams import job as jobs
from streams.artifacts import CHUNK, Artifacts, Stored, key_in
from streams.commit import Ledger, Ticket, Write
from streams.decide import standing
from streams.errors import ArtifactCorrupt, ArtifactMissing, Stale
from streams.events import Artifact, Event, StageReady
from streams.ids import new_id
from streams.job import Job
from streams.keys import Keys
from streams.work import Depth, Queue


class MemoryClock(ledgers.Clock):
    """A clock that stands still until it is told to go on."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def set(self, seconds: int, microseconds: int, *, sent: float) -> None:
        """Nobody else's time counts here."""

    def now(self) -> datetime:
        """The time that it is said to be."""
        return self._now

    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self._now += timedelta(seconds=seconds)


class Kept(NamedTuple):
    """What a job's key holds."""

    rev: int
    state: bytes
    last: str


@dataclass
class Line:
    """What an engine's three keys hold."""

    waiting: dict[str, Ticket] = field(default_factory=dict)
    taken: dict[str, Ticket] = field(default_factory=dict)
    owners: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    backlog: dict[str, float] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    v: float = 0.0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def holds(self, member: str) -> bool:
        """Whether a task waits here or is under way."""
        tickets = (*self.waiting.values(), *self.taken.values())
        queued = (f"{t.job}|{t.stage}|{t.token}|{t.tenant}" for t in tickets)
        return member in self.backlog or member in queued

    def keep(self) -> None:
        """Numbers as Redis keeps them: with six digits."""
        self.v = round(self.v, 6)
        for kept in (self.backlog, self.ends):
            kept.update({name: round(number, 6) for name, number in kept.items()})


class MemoryLedger(Ledger):
    """A Ledger whose script runs here. ``log`` holds every event, ``clock`` is yours to move."""

    clock: MemoryClock

    def __init__(
        self, *, ids: Callable[[], str] = new_id, now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    ) -> None:
        self.keys = Keys("memory")
        self.clock = MemoryClock(now)
        self.log: list[Event] = []
        self.epoch = 1
        self.jobs: dict[str, Kept] = {}
        self.lines: dict[str, Line] = {}
        self._ids = ids
        self._seen = {}
        self._entries = 0

    async def load(self, job_id: str) -> Job | None:
        """The job's state, None when there is none."""
        kept = self.jobs.get(job_id)
        job = jobs.decode(kept.state) if kept and kept.state else None
        return self._saw(job, kept.last if kept else "")

    def line(self, engine: str) -> Line:
        """An engine's queue and backlog."""
        return self.lines.setdefault(engine, Line())

    async def _send(self, write: Write) -> list[Any]:
        """What commit.lua does, in the same order: see there."""
        engines = write.touched()
        write.arguments(engines)
        time = [int(self.clock.now().timestamp()), self.clock.now().microsecond]
        kept = self.jobs.get(write.job_id)
        rev = kept.rev if kept else write.rev if write.ended else 0
        was = kept.last if kept else "" if not write.ended else write.last
        other = rev != write.rev or write.last not in {"", was}
        if (write.events or write.again) and other:
            again = bool(write.events) and was == write.events[-1].id
            state = kept.state if kept and not again else b""
            return [b"OK" if again else b"CONFLICT", rev, state, *time, was.encode()]
        if write.until and time[0] > write.until:
            raise Stale("this was decided too long ago, and may have been done since")
        starts = self._starts(write)
        undelivered = {name: len(self.line(name).waiting) for name in engines}
        self._append(write)
        for ticket in write.settled:
            line = self.line(ticket.engine)
            for held in (line.waiting, line.taken, line.owners):
                held.pop(ticket.entry, None)
        for name in engines:
            self._release(name, starts, undelivered[name])
        return [b"OK", write.rev + len(write.events), b"", *time]

    def _append(self, write: Write) -> None:
        for event in write.events:
            prev = self.log[-1].id if self.log else ""
            seq = len(self.log) + 1
            self.log.append(replace(event, seq=seq, epoch=self.epoch, prev=prev))
        if write.events:
            state = jobs.encode(write.state) if write.state else b""
            rev = write.rev + len(write.events)
            self.jobs[write.job_id] = Kept(rev, state, write.events[-1].id)

    def _starts(self, write: Write) -> dict[str, dict[str, float]]:
        """Engine → each new task and where it stands in its line."""
        starts: dict[str, dict[str, float]] = {}
        for event in (*write.events, *write.again):
            fact = event.fact
            if not isinstance(fact, StageReady):
                continue
            line = self.line(fact.engine)
            member = f"{event.job}|{fact.stage}|{fact.token}|{event.tenant}"
            fresh = starts.setdefault(fact.engine, {})
            if member in fresh or (not write.events and line.holds(member)):
                continue
            start = max(line.v, line.ends.get(event.tenant, 0.0))
            line.ends[event.tenant] = start + fact.cost
            fresh[member] = start - ledgers.boost(fact)
        return starts

    def _release(self, engine: str, starts: dict[str, dict[str, float]], undelivered: int) -> None:
        line = self.line(engine)
        line.backlog |= starts.get(engine, {})
        order = sorted(line.backlog, key=lambda member: (line.backlog[member], member))
        released = order[: max(0, ledgers.RELEASE_WINDOW - undelivered)]
        for member in released:
            line.v = max(line.v, line.backlog.pop(member))
            job, stage, token, tenant = member.split("|", 3)
            self._entries += 1
            entry = f"{self._entries}-0"
            line.waiting[entry] = Ticket(engine, entry, job, stage, int(token), tenant)
            line.arrived.set()
        if not line.backlog and not undelivered and not released:
            line.ends, line.v = {}, 0.0
        line.keep()


class MemoryQueue(Queue):
    """A Queue on a MemoryLedger."""

    def __init__(self, ledger: MemoryLedger, engine: str) -> None:
        self.engine = engine
        self.key = ledger.keys.queue(engine)
        self._memory = ledger
        self._line = ledger.line(engine)

    async def create(self) -> None:
        """There is nothing to make."""

    async def take(self, consumer: str, *, block_ms: int = 2000) -> Ticket | None:
        """The next task, None when none came in time."""
        line = self._line
        if not line.waiting:
            line.arrived.clear()
            try:
                async with asyncio.timeout(block_ms / 1000):
                    await line.arrived.wait()
            except TimeoutError:
                if line.backlog:
                    await self._memory.release(self.engine)
                return None
        entry = next(iter(line.waiting))
        ticket = line.taken[entry] = line.waiting.pop(entry)
        line.owners[entry] = (consumer, self._memory.clock.now())
        return ticket

    async def renew(self, consumer: str, ticket: Ticket) -> str:
        """Keep a lease: ``ok``, or ``fenced`` or ``cancelled`` when the work is to stop."""
        owner, _ = self._line.owners.get(ticket.entry, ("", None))
        if owner == consumer:
            self._line.owners[ticket.entry] = (consumer, self._memory.clock.now())
        job = await self._memory.load(ticket.job)
        answer = standing(job, stage=ticket.stage, token=ticket.token)
        return "fenced" if answer == "ok" and owner != consumer else answer

    async def held(self, consumer: str) -> list[Ticket]:
        """What a consumer of this name owns."""
        owners = self._line.owners
        return [t for e, t in self._line.taken.items() if owners[e][0] == consumer]

    async def lost(self, lease_s: float) -> list[Ticket]:
        """Tasks whose owner has been silent for longer than the lease."""
        late = self._memory.clock.now() - timedelta(seconds=lease_s)
        owners = self._line.owners
        return [t for e, t in self._line.taken.items() if owners[e][1] <= late]

    async def depth(self) -> Depth:
        """How long the queue is, and whose."""
        tenants = Counter(member.split("|", 3)[3] for member in self._line.backlog)
        tenants.update(ticket.tenant for ticket in self._line.waiting.values())
        return Depth(sum(tenants.values()), len(self._line.taken), dict(tenants))

    async def forget(self, consumer: str) -> bool:
        """Whether nothing is pending with the consumer."""
        return not await self.held(consumer)


class MemoryArtifacts(Artifacts):
    """Artifacts in a dict: ``objects`` by key."""

    def __init__(self, bucket: str = "memory") -> None:
        self.bucket = bucket
        self.objects: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def probe(self) -> None:
        """It is always there."""

    async def create_bucket(self) -> None:
        """It is always there."""

    async def put(self, key: str, data: bytes, media_type: str) -> Artifact:
        """Write an object once; a key that holds these very bytes already is fine."""
        uri = f"s3://{self.bucket}/{key}"
        if self.objects.setdefault(key, data) != data:
            raise ArtifactCorrupt(f"{uri} exists with other bytes")
        return Artifact(uri, hashlib.sha256(data).hexdigest(), len(data), media_type)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], media_type: str) -> Artifact:
        """Write what comes in; an iterator that raises leaves no object."""
        return await self.put(key, b"".join([chunk async for chunk in chunks]), media_type)

    async def stream(self, artifact: Artifact) -> AsyncIterator[bytes]:
        """An object's bytes; the check of size and sha256 is at the end."""
        data = self.objects.get(key_in(artifact.uri))
        if data is None:
            raise ArtifactMissing(f"{artifact.uri} is not in the store")
        for at in range(0, len(data), CHUNK):
            yield data[at : at + CHUNK]
        self._verify(artifact, len(data), hashlib.sha256(data).hexdigest())

    async def erase(self, job: str) -> int:
        """Delete every object of a job; how many there were."""
        keys = [key async for key in self.keys(f"jobs/{job}/")]
        for key in keys:
            await self.delete(key)
        return len(keys)

    async def pages(self, prefix: str) -> AsyncIterator[list[Stored]]:
        """All objects whose keys begin so; they were written at the beginning of time."""
        keys = (key for key in sorted(self.objects) if key.startswith(prefix))
        yield [Stored(key, datetime.min.replace(tzinfo=UTC)) for key in keys]

    async def delete(self, key: str) -> None:
        """Delete one object."""
        self.objects.pop(key, None)

    async def end_uploads(self, before: datetime, kept: Container[str] = ()) -> int:  # noqa: ARG002
        """There are none: an object is put whole."""
        return 0

    async def copy_to(self, key: str, path: Path) -> Artifact:
        """An object into a file; what it turned out to be."""
        data = self.objects.get(key)
        if data is None:
            raise ArtifactMissing(f"s3://{self.bucket}/{key} is not in the store")
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        return Artifact(f"s3://{self.bucket}/{key}", digest, len(data))
