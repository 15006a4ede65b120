"""An engine's queue: take a task, keep its lease, give it up; and find leases that were lost."""

from collections import Counter
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams import job as jobs
from streams.commit import Ledger, Ticket
from streams.decide import standing
from streams.job import Job
from streams.script import Script

SAMPLE = 1000
"""Waiting tasks that `depth` looks at to say whose they are; it counts all of them."""
AWAY = ("NOGROUP", "UNBLOCKED")
"""What Redis says of a queue that nobody has made yet, or that has just been deleted."""


class Depth(msgspec.Struct, frozen=True):
    """How many tasks wait for an engine and how many it holds; whose the next SAMPLE are."""

    waiting: int
    running: int
    tenants: dict[str, int]


class Queue:
    """The consumer group of one engine."""

    def __init__(self, redis: Redis, ledger: Ledger, engine: str) -> None:
        self._redis = redis
        self._ledger = ledger
        self._keys = ledger.keys
        self._renew = Script(redis, "renew.lua")
        self._forget = Script(redis, "forget.lua")
        self.engine = engine
        self.key = ledger.keys.queue(engine)

    async def create(self) -> None:
        """Make the group, at the beginning of the stream so that nothing is passed over."""
        try:
            await self._redis.xgroup_create(self.key, self._keys.GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def take(self, consumer: str, *, block_ms: int = 2000) -> Ticket | None:
        """The next task, None when none came in time (at most 10 s: see `connect`).

        A wake-up that was lost is healed by the next call.
        """
        try:
            reply: Any = await self._redis.xreadgroup(
                self._keys.GROUP,
                consumer,
                {self.key: ">"},
                count=1,
                block=max(1, min(block_ms, 10_000)),
            )
        except ResponseError as error:
            if not _away(error):
                raise
            await self.create()
            return None
        if not reply:
            if await self._redis.zcard(self._keys.backlog(self.engine)):
                await self._ledger.release(self.engine)
            return None
        entry, fields = reply[0][1][0]
        return self._ticket(entry, fields)

    async def renew(self, consumer: str, ticket: Ticket) -> str:
        """Keep a lease: ``ok``, or ``fenced`` or ``cancelled`` when the work is to stop."""
        try:
            held = await self._renew((self.key,), (self._keys.GROUP, consumer, ticket.entry))
        except ResponseError as error:
            if not _away(error):
                raise
            held = 0
        state: Any = await self._redis.hget(self._keys.job(ticket.job), "state")
        job: Job | None = jobs.decode(state) if state else None
        answer = standing(job, stage=ticket.stage, token=ticket.token)
        return "fenced" if answer == "ok" and not held else answer

    async def held(self, consumer: str) -> list[Ticket]:
        """What a consumer of this name still owns: of a replica that starts, its past life's."""
        return await self._pending(idle_ms=0, consumer=consumer)

    async def lost(self, lease_s: float) -> list[Ticket]:
        """Tasks whose owner has been silent for longer than the lease."""
        return await self._pending(idle_ms=int(lease_s * 1000))

    async def depth(self) -> Depth:
        """How long the queue is, and whose."""
        pipe = self._redis.pipeline(transaction=False)
        backlog = self._keys.backlog(self.engine)
        pipe.zcard(backlog)
        pipe.zrange(backlog, 0, SAMPLE - 1)
        pipe.xlen(self.key)
        pipe.xrevrange(self.key, count=SAMPLE)
        pipe.xpending(self.key, self._keys.GROUP)
        size, members, length, entries, pending = await pipe.execute(raise_on_error=False)
        running = 0 if isinstance(pending, Exception) else int(pending["pending"])
        ready = max(0, length - running)
        tenants = Counter(fields[b"tenant"].decode() for _, fields in entries[:ready])
        tenants.update(member.decode().split("|", 3)[3] for member in members)
        return Depth(size + ready, running, dict(tenants))

    async def forget(self, consumer: str) -> bool:
        """Delete a consumer that will not come back; refused while anything is pending with it."""
        try:
            return bool(await self._forget((self.key,), (self._keys.GROUP, consumer)))
        except ResponseError as error:
            if not _away(error):
                raise
            return True

    async def _pending(self, *, idle_ms: int, consumer: str | None = None) -> list[Ticket]:
        try:
            found: Any = await self._redis.xpending_range(
                self.key, self._keys.GROUP, "-", "+", 1000, consumer, idle=idle_ms or None
            )
        except ResponseError as error:
            if not _away(error):
                raise
            return []
        pipe = self._redis.pipeline(transaction=False)
        for row in found:
            pipe.xrange(self.key, row["message_id"], row["message_id"])
        tickets = []
        for row, body in zip(found, await pipe.execute(), strict=True):
            entry = row["message_id"]
            if body:
                tickets.append(self._ticket(entry, body[0][1]))
            else:
                # Deleted but not acknowledged: nothing to redo, only to forget.
                await self._redis.xack(self.key, self._keys.GROUP, entry)
        return tickets

    def _ticket(self, entry: bytes, fields: dict[bytes, bytes]) -> Ticket:
        return Ticket(
            engine=self.engine,
            entry=entry.decode(),
            job=fields[b"job"].decode(),
            stage=fields[b"stage"].decode(),
            token=int(fields[b"token"]),
            tenant=fields[b"tenant"].decode(),
        )


def _away(error: ResponseError) -> bool:
    return str(error).removeprefix("ERR ").startswith(AWAY)
