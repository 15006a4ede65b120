"""An engine's queue: take a task, keep its lease, give it up; and find leases that were lost."""

import logging
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

logger = logging.getLogger(__name__)

PAGE = 1000
"""Pending entries that are asked for at once."""
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
        self._hand = Script(redis, "hand.lua")
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
        return await self._ticket(entry, fields)

    async def renew(self, consumer: str, ticket: Ticket) -> str:
        """Keep a lease: ``ok``, or ``fenced`` or ``cancelled`` when the work is to stop."""
        try:
            held = await self._renew((self.key,), (self._keys.GROUP, consumer, ticket.entry))
        except ResponseError as error:
            if not _away(error):
                raise
            held = 0
        found: Any = await self._redis.hmget(self._keys.job(ticket.job), ["state", "schema"])
        state, schema = found
        if state and int(schema or 0) > jobs.SCHEMA:
            return "fenced"  # by a newer version, over whose state this one cannot write
        job: Job | None = jobs.decode(state) if state else None
        answer = standing(job, stage=ticket.stage, token=ticket.token)
        return "fenced" if answer == "ok" and not held else answer

    async def held(self, consumer: str) -> list[Ticket]:
        """What a consumer of this name still owns: of a replica that starts, its past life's."""
        return await self._pending(idle_ms=0, consumer=consumer)

    async def look(self, consumer: str) -> list[Ticket]:
        """What a consumer holds, as it asks itself; so the group knows that it is awake.

        A read of its history: before 7.2 Redis takes no notice of one that waits in vain.
        """
        try:
            reply: Any = await self._redis.xreadgroup(
                self._keys.GROUP, consumer, {self.key: "0"}, count=PAGE
            )
        except ResponseError as error:
            if not _away(error):
                raise
            await self.create()
            return []
        tickets: list[Ticket] = []
        for entry, fields in reply[0][1] if reply else ():
            if fields and (ticket := await self._ticket(entry, fields)):
                tickets.append(ticket)
            elif not fields:
                await self._redis.xack(self.key, self._keys.GROUP, entry)
        return tickets

    async def free(self, awake_ms: int) -> list[str]:
        """Consumers that hold nothing and did `look` within the last ``awake_ms``."""
        found: Any = await self._redis.xinfo_consumers(self.key, self._keys.GROUP)
        return [
            one["name"].decode() for one in found if one["pending"] == 0 and one["idle"] <= awake_ms
        ]

    async def hand(self, owner: str, ticket: Ticket, receiver: str, *, awake_ms: int) -> str:
        """Give a task that ``owner`` took to a consumer that is free; its lease begins anew.

        ``handed``; ``kept`` when the receiver is not `free`; ``gone`` when the task is not the
        owner's, as after a hand-over whose answer was lost. Calling it again changes nothing.
        """
        args = (self._keys.GROUP, owner, ticket.entry, receiver, awake_ms)
        try:
            answer = await self._hand((self.key,), args)
        except ResponseError as error:
            if not _away(error):
                raise
            answer = -1
        return {1: "handed", 0: "kept"}.get(answer, "gone")

    async def nudge(self, replica: str) -> None:
        """Let a replica look at what it holds: it listens on the channel of its key's name."""
        await self._redis.publish(self._keys.replica(replica), b"handed")

    async def lost(self, lease_s: float) -> list[Ticket]:
        """Tasks whose owner has been silent for longer than the lease."""
        await self._begin_future_leases()
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
        *found, pending = await pipe.execute(raise_on_error=False)
        running = 0 if _away(pending) else int(_known(pending)["pending"])
        size, members, length, entries = (_known(reply) for reply in found)
        ready = max(0, length - running)
        tenants = Counter(fields.get(b"tenant", b"").decode() for _, fields in entries[:ready])
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

    async def _begin_future_leases(self) -> None:
        """Let the lease of a task that was delivered in the future begin now.

        The server's clock went back, and it would count such a task as just delivered until it has
        caught up. One that was delivered in this very millisecond looks the same: no harm done.
        """
        try:
            found: Any = await self._redis.xpending_range(
                self.key, self._keys.GROUP, "-", "+", 1000
            )
        except ResponseError as error:
            if not _away(error):
                raise
            return
        for row in found:
            if row["time_since_delivered"] == 0:
                args = (self._keys.GROUP, row["consumer"], row["message_id"])
                await self._renew((self.key,), args)

    async def _pending(self, *, idle_ms: int, consumer: str | None = None) -> list[Ticket]:
        tickets: list[Ticket] = []
        after = "-"
        while rows := await self._page(after, idle_ms, consumer):
            pipe = self._redis.pipeline(transaction=False)
            for row in rows:
                pipe.xrange(self.key, row["message_id"], row["message_id"])
            for row, body in zip(rows, await pipe.execute(), strict=True):
                entry = row["message_id"]
                if body and (ticket := await self._ticket(entry, body[0][1])):
                    tickets.append(ticket)
                elif not body:
                    # Deleted but not acknowledged: nothing to redo, only to forget.
                    await self._redis.xack(self.key, self._keys.GROUP, entry)
            after = f"({rows[-1]['message_id'].decode()}"
        return tickets

    async def _page(self, after: str, idle_ms: int, consumer: str | None) -> list[dict[str, Any]]:
        try:
            found: Any = await self._redis.xpending_range(
                self.key, self._keys.GROUP, after, "+", PAGE, consumer, idle=idle_ms or None
            )
        except ResponseError as error:
            if not _away(error):
                raise
            return []
        return list(found)

    async def _ticket(self, entry: bytes, fields: dict[bytes, bytes]) -> Ticket | None:
        """An entry as the ticket that it is; one that is none goes, or it would come back."""
        try:
            return Ticket(
                engine=self.engine,
                entry=entry.decode(),
                job=fields[b"job"].decode(),
                stage=fields[b"stage"].decode(),
                token=int(fields[b"token"]),
                tenant=fields[b"tenant"].decode(),
            )
        except (KeyError, ValueError):
            logger.warning("%s held %s, which is no task: dropped", self.key, entry.decode())
            await self._ledger.settle(Ticket(self.engine, entry.decode(), "", "", 0))
            return None


def _away(reply: object) -> bool:
    text = str(reply).removeprefix("ERR ")
    return isinstance(reply, ResponseError) and text.startswith(AWAY)


def _known(reply: Any) -> Any:
    """A reply of a pipeline; raised when it is an error."""
    if isinstance(reply, Exception):
        raise reply
    return reply
