"""Load, decide, commit, and again on a conflict: the shell around commit.lua."""

import asyncio
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from redis.asyncio import Redis

from streams import job as jobs
from streams.decide import jitter, waiting
from streams.errors import Conflict, LogInconsistent, Refused, SchemaTooNew, Stale
from streams.events import (
    AnyFact,
    Event,
    StageReady,
    StageStarted,
    encode_fact,
    encode_meta,
    format_time,
)
from streams.ids import new_id
from streams.job import SCHEMA, Job, envelopes, fold
from streams.keys import Keys
from streams.log import Head
from streams.script import Script

Decide = Callable[[Job | None, datetime], Sequence[AnyFact]]

RELEASE_WINDOW = 2
"""Tasks of an engine that stand ready in its stream; the rest wait their fair turn."""
PRIORITY_S = 600.0
"""Seconds of audio that one step of priority jumps ahead in the backlog."""
AHEAD_S = 9e8
"""The same for an attempt that is ahead: before all that wait. commit.lua takes up to 1e12, but
scores are kept with six digits, and a double has no room for those beyond some 8e9."""
TERMINAL_TTL_MS = 24 * 3600 * 1000
"""How long Redis keeps the state of a job that has ended; Postgres keeps it for ever."""
ATTEMPTS = 50
SEEN = 256
"""States whose last event is remembered."""
FRESH_S = 60
"""How long what was decided may wait to be written. A process that stood still for longer knows
nothing any more: the job may have ended, and its state have left Redis, in the meantime."""
STATELESS = 1
"""Schema of what keeps no state, such as a replica of an engine: any version may go on with it."""


class Ticket(msgspec.Struct, frozen=True):
    """A place in an engine's queue: the entry, and the attempt that it stands for."""

    engine: str
    entry: str
    job: str
    stage: str
    token: int
    tenant: str = ""


class Committed(msgspec.Struct, frozen=True):
    """The state after a transition, and the events that led there (none: it was so before)."""

    job: Job | None
    events: tuple[Event, ...] = ()


class Clock:
    """Redis's time without asking for it, from the times that its replies carry."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def set(self, seconds: int, microseconds: int, *, sent: float) -> None:
        """Take in the server's time from a reply that has just come.

        The server read its clock at some moment between ``sent`` (our monotonic time) and now: our
        offset is moved only as far as that demands, so that a slow reply does not set us back.
        """
        then = seconds + microseconds / 1e6
        self._offset = min(max(self._offset, then - time.monotonic()), then - sent)

    def now(self) -> datetime:
        """The server's time now, in UTC."""
        return datetime.fromtimestamp(time.monotonic() + self._offset, UTC)


def boost(ready: StageReady) -> float:
    """Seconds of audio by which an attempt stands nearer to the head of its line."""
    return ready.priority * PRIORITY_S + ready.ahead * AHEAD_S


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One call of the script: what to append, enqueue (each stage.ready), settle and release.

    ``again``, without events: those whose tasks are to be in a queue while the job is at ``rev``;
    ``ended``: the job was terminal already, so its state may have left Redis; ``last``: the event
    that brought it to ``rev``, "" when that is not known; ``schema``: of the state before, below
    which none is written, though the last correction was taken back.
    """

    job_id: str = ""
    rev: int = 0
    last: str = ""
    schema: int = 1
    state: Job | None = None
    ended: bool = False
    events: tuple[Event, ...] = ()
    again: tuple[Event, ...] = ()
    settled: tuple[Ticket, ...] = ()
    engines: tuple[str, ...] = ()

    @property
    def until(self) -> int:
        """The second of Redis's clock until which the events may be written; 0 without events."""
        return int(self.events[0].time.timestamp()) + FRESH_S if self.events else 0

    @property
    def _schema(self) -> int:
        if self.state is not None:
            return max(self.schema, jobs.schema_of(self.state))
        return STATELESS if self.events else SCHEMA

    def touched(self) -> list[str]:
        """The engines whose queues change or may move on."""
        names = dict.fromkeys(self.engines)
        names |= dict.fromkeys(ticket.engine for ticket in self.settled)
        for event in (*self.events, *self.again):
            if isinstance(event.fact, StageReady | StageStarted):
                names[event.fact.engine] = None
        return list(names)

    def arguments(self, engines: Sequence[str]) -> list[Any]:
        """ARGV of commit.lua; ``engines`` in the order of their keys."""
        place = {engine: number for number, engine in enumerate(engines, start=1)}
        over = self.state is None or self.state.terminal
        schema = self._schema
        state = jobs.encode(self.state) if self.state else b""
        args: list[Any] = [schema, self.job_id, self.rev, self.last, self.until, state]
        args += (TERMINAL_TTL_MS if over else 0, int(self.ended), RELEASE_WINDOW, len(self.events))
        ready: list[Any] = []
        for event in self.events:
            args += (event.id, event.type, format_time(event.time), event.tenant)
            args += (encode_meta(event.meta), encode_fact(event.fact))
        for event in (*self.events, *self.again):
            if isinstance(event.fact, StageReady):
                fact = event.fact
                member = f"{event.job}|{fact.stage}|{fact.token}|{event.tenant}"
                ready += (place[fact.engine], member, event.tenant, fact.cost)
                ready.append(boost(fact))
        args += (len(ready) // 5, *ready, len(self.settled))
        for ticket in self.settled:
            args += (place[ticket.engine], ticket.entry)
        return args


async def _pause(conflicts: int) -> None:
    """Many writers of one job step aside for each other; a single one never waits."""
    if conflicts > 1:
        await asyncio.sleep(min(0.1, 0.001 * 2**conflicts) * jitter())


class Ledger:
    """The one door to write: all that happens to a job goes through `transition`."""

    def __init__(self, redis: Redis, keys: Keys, *, ids: Callable[[], str] = new_id) -> None:
        self.redis = redis
        self.keys = keys
        self.clock = Clock()
        self._ids = ids
        self._seen: dict[str, tuple[Job, str]] = {}
        self._commit = Script(redis, "commit.lua")

    async def load(self, job_id: str) -> Job | None:
        """The job's state in Redis, None when there is none (or no longer)."""
        pipe = self.redis.pipeline(transaction=False)
        pipe.hmget(self.keys.job(job_id), "state", "schema", "last")
        pipe.time()
        sent = time.monotonic()
        (state, schema, last), now = await pipe.execute()
        self.clock.set(*now, sent=sent)
        if state and int(schema or 0) > SCHEMA:
            raise SchemaTooNew(
                f"job {job_id} has schema {int(schema)}, this process knows {SCHEMA}"
            )
        return self._saw(jobs.decode(state) if state else None, (last or b"").decode())

    def _saw(self, job: Job | None, last: str) -> Job | None:
        """Remember by which event a job came to its state.

        After a loss of Redis another state may bear the same rev, so that alone proves nothing.
        """
        if job is not None:
            self._seen.pop(job.id, None)
            self._seen[job.id] = job, last
            if len(self._seen) > SEEN:
                del self._seen[next(iter(self._seen))]
        return job

    def _last(self, job: Job | None) -> str | None:
        """The last event of a state that came from here; None when it is another."""
        found, last = self._seen.get(job.id if job else "", (None, ""))
        return last if found is job else None

    def _stand(self, job: Job | None) -> tuple[int, str]:
        """Where the script is to find the job: its rev, and its last event if that is known."""
        return (job.rev if job else 0), self._last(job) or ""

    async def transition(
        self,
        job_id: str,
        decide: Decide,
        *,
        tenant: str = "",
        known: Job | None = None,
        settle: Ticket | None = None,
        meta: dict[str, str] | None = None,
    ) -> Committed:
        """Decide on the job as it is and commit what follows, again when it changed meanwhile.

        Args:
            decide: pure; called again with a newer state on each conflict.
            tenant: of a job that does not exist yet.
            known: the state that the caller saw last, which saves asking for it.
            settle: the queue entry that this transition answers for.
            meta: who and why, kept with each event.

        Raises:
            Refused: by ``decide``, on a state that is current.
            Conflict: the job changed ATTEMPTS times meanwhile.
            Stale: this stood still for over FRESH_S, and the job had not begun or had ended.
        """
        job, fresh = (known, False) if self._last(known) else (await self.load(job_id), True)
        if job is None and known is not None and known.terminal:
            job = known  # Redis has forgotten it by now
        rev, last = self._stand(job)
        for conflicts in range(ATTEMPTS):
            await _pause(conflicts)
            facts = self._decided(decide, job, final=fresh)
            if facts:
                events = tuple(
                    envelopes(
                        job, facts, now=self.clock.now(), job_id=job_id, tenant=tenant, rev=rev,
                        ids=[self._ids() for _ in facts], meta=meta,
                    )
                )  # fmt: skip
                after = fold(events, job)
                write = Write(
                    job_id=job_id,
                    rev=rev,
                    last=last,
                    schema=jobs.schema_of(job) if job and job.terminal else STATELESS,
                    state=after,
                    ended=job is not None and job.terminal,
                    events=events,
                    settled=(settle,) if settle else (),
                )
                try:
                    reply = await self._send(write)
                except Stale:
                    if job is None or job.terminal:
                        raise  # Redis may have forgotten how it went on: whoever asks knows
                    job, fresh = await self.load(job_id), True
                    rev, last = self._stand(job)
                    continue
                if reply[0] == b"OK":
                    return Committed(self._saw(after, events[-1].id), events)
                job, fresh = (jobs.decode(reply[2]) if reply[2] else None), True
                # A replica keeps no state, but counts its events all the same.
                rev, last = int(reply[1]), reply[5].decode()
            elif fresh:
                if settle is not None:
                    await self.settle(settle)
                return Committed(job)
            else:  # refused, or done before, by what was known: see whether it is so
                job = await self.load(job_id) or (job if job and job.terminal else None)
                fresh, (rev, last) = True, self._stand(job)
        raise Conflict(f"job {job_id} changed {ATTEMPTS} times while it was being decided on")

    async def append(self, aggregate: str, *facts: AnyFact) -> None:
        """Facts of something that is no job and keeps no state, such as a replica of an engine."""
        await self.transition(aggregate, lambda _, __: facts)

    async def begin(self, head: Head, *facts: AnyFact) -> None:
        """Begin a log after ``head`` with facts of its own, in one step: no event comes before.

        Raises:
            LogInconsistent: this Redis holds a log that was begun in this way before.
        """
        sent = time.monotonic()
        self.clock.set(*await self.redis.time(), sent=sent)
        events = envelopes(
            None, facts, now=self.clock.now(), job_id="log", ids=[self._ids() for _ in facts]
        )
        write = Write(job_id="log", events=tuple(events))
        keys = [self.keys.log, self.keys.head, self.keys.job("log")]
        pipe = self.redis.pipeline()
        for name, value in (("epoch", head.epoch), ("id", head.id), ("seq", head.seq)):
            pipe.hsetnx(self.keys.head, name, str(value))  # again changes nothing
        pipe.eval(self._commit.source, len(keys), *keys, *write.arguments([]))
        if (await pipe.execute())[-1][0] != b"OK":
            raise LogInconsistent("there is a log already: wipe it before another is begun")

    async def enqueue(self, job: Job) -> None:
        """Put the tasks of a job's ready stages into the queues that have lost them, no event.

        What a queue still holds stays as it is: an attempt stands there once.

        Raises:
            Conflict: the job changed ATTEMPTS times meanwhile.
        """
        current: Job | None = job
        for conflicts in range(ATTEMPTS):
            await _pause(conflicts)
            facts = waiting(current) if current else ()
            if current is None or not facts:
                return
            again = tuple(envelopes(current, facts, now=self.clock.now()))
            last = self._last(current) or ""
            reply = await self._send(Write(job_id=job.id, rev=current.rev, last=last, again=again))
            if reply[0] == b"OK":
                return
            current = jobs.decode(reply[2]) if reply[2] else None
        raise Conflict(f"job {job.id} changed {ATTEMPTS} times while it was being queued")

    async def settle(self, ticket: Ticket) -> None:
        """Take an entry out of its queue and release what waits behind it."""
        await self._send(Write(settled=(ticket,)))

    async def release(self, engine: str) -> None:
        """Move tasks whose turn it is from an engine's backlog into its stream."""
        await self._send(Write(engines=(engine,)))

    def _decided(self, decide: Decide, job: Job | None, *, final: bool) -> Sequence[AnyFact]:
        try:
            return decide(job, self.clock.now())
        except Refused:
            if final:
                raise
            return ()

    async def _send(self, write: Write) -> list[Any]:
        engines = write.touched()
        keys = [self.keys.log, self.keys.head, self.keys.job(write.job_id)]
        for engine in engines:
            keys += self.keys.engine(engine)
        sent = time.monotonic()
        reply: list[Any] = await self._commit(keys, write.arguments(engines))
        self.clock.set(int(reply[3]), int(reply[4]), sent=sent)
        return reply
