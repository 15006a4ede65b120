"""An engine's queue: take a task, keep its lease, give it up; and find leases that were lost."""

from collections import Counter
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams import job as jobs
from streams.commit import Ledger, Script, Ticket
from streams.decide import standing
from streams.job import Job


class Depth(msgspec.Struct, frozen=True):
    """How many tasks wait for an engine and how many it holds; waiting ones by tenant too."""

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
        """The next task, None when none came in time. A lost wake-up is healed by the next call."""
        try:
            reply: Any = await self._redis.xreadgroup(
                self._keys.GROUP, consumer, {self.key: ">"}, count=1, block=block_ms
            )
        except ResponseError as error:
            if "NOGROUP" not in str(error):
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
        held = await self._renew((self.key,), (self._keys.GROUP, consumer, ticket.entry))
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
        pipe.zrange(self._keys.backlog(self.engine), 0, -1)
        pipe.xrange(self.key)
        pipe.xpending(self.key, self._keys.GROUP)
        backlog, entries, pending = await pipe.execute(raise_on_error=False)
        running = 0 if isinstance(pending, Exception) else int(pending["pending"])
        tenants = Counter(member.decode().rpartition("|")[2] for member in backlog)
        tenants.update(fields[b"tenant"].decode() for _, fields in entries[running:])
        return Depth(sum(tenants.values()), running, dict(tenants))

    async def forget(self, consumer: str) -> bool:
        """Delete a consumer that will not come back; refused while anything is pending with it."""
        if await self._pending(idle_ms=0, consumer=consumer):
            return False
        await self._redis.xgroup_delconsumer(self.key, self._keys.GROUP, consumer)
        return True

    async def _pending(self, *, idle_ms: int, consumer: str | None = None) -> list[Ticket]:
        try:
            found: Any = await self._redis.xpending_range(
                self.key, self._keys.GROUP, "-", "+", 1000, consumer, idle=idle_ms or None
            )
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            return []
        tickets = []
        for row in found:
            entry = row["message_id"]
            body: Any = await self._redis.xrange(self.key, entry, entry)
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
