"""What time brings about: due retries, deadlines, lost leases, replicas that fell silent."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector import metrics
from projector.healing import Mark, heal, resubmit
from projector.mute import watched
from projector.restore import restore_job
from streams import decide
from streams.commit import Ledger, Ticket
from streams.connection import AWAY
from streams.errors import LogMissing, Refused, SchemaTooNew
from streams.events import EngineExpired
from streams.keys import Keys
from streams.registry import TTL_S, Registry, engine_of
from streams.settings import Settings
from streams.work import Queue

logger = logging.getLogger(__name__)

T = TypeVar("T")

LIMIT = 500
AT_ONCE = 16
SCAN_S = 60.0
"""How often all keys are looked through for queues of engines that nobody remembers."""
HEAL_S = 5.0
TICK_LIMIT_S = 60.0
DUE = text("""
    SELECT job, stage FROM stages
    WHERE status = 'retrying' AND due_at NOT BETWEEN :now AND :latest
    ORDER BY due_at LIMIT :limit
""")
EXPIRED = text("""
    SELECT id FROM jobs WHERE deadline <= :now AND deadline IS NOT NULL AND ended_at IS NULL
    ORDER BY deadline LIMIT :limit
""")
ACTIVE = text("SELECT DISTINCT engine FROM stages WHERE status IN ('ready', 'running')")


class Timers:
    """The timers of one partition; run by the projector that leads."""

    def __init__(self, settings: Settings, redis: Redis) -> None:
        self._tick_s = settings.tick_s
        self._lease_s = settings.lease_s
        self._redis = redis
        self._ledger = Ledger(redis, Keys(settings.key_prefix, settings.partition))
        self._registry = Registry(redis, self._ledger.keys)
        self._engines: set[str] = set()
        self._one_at_a_time = asyncio.Lock()
        self._mark: Mark | None = None
        self._last = self._scanned = self._healed = -1e9
        self._ahead: float | None = None
        self._hold_until = self._expire_from = 0.0

    async def run(self, connection: AsyncConnection) -> None:
        """Tick for ever; errors of the servers end it."""
        while True:
            async with watched(connection, TICK_LIMIT_S):
                await self.tick(connection)
            await asyncio.sleep(self._tick_s)

    async def tick(self, connection: AsyncConnection) -> None:
        """Look at everything once."""
        sent = time.monotonic()
        seconds, micros = await self._redis.time()
        self._ledger.clock.set(seconds, micros, sent=sent)
        clock = time.monotonic()
        self._mind_the_gap(clock)
        self._mind_a_jump(seconds + micros / 1e6, sent, clock)
        await self._retries(connection)
        await self._deadlines(connection)
        if clock >= self._expire_from:
            await self._replicas()
        await self._find_engines(connection, clock)
        for engine in sorted(self._engines):
            queue = Queue(self._redis, self._ledger, engine)
            if clock >= self._hold_until:
                await self._each("lost lease", await queue.lost(self._lease_s), self._lose)
            if await self._redis.zcard(self._ledger.keys.backlog(engine)):
                await self._ledger.release(engine)
        if clock - self._healed > HEAL_S:
            await self._forget_consumers()
            await heal(connection, self._ledger, self._each)
            self._healed = clock
        self._mark = await resubmit(
            connection, self._ledger, self._registry, self._each, self._mark
        )
        self._last = time.monotonic()

    def _mind_the_gap(self, clock: float) -> None:
        """After a pause, ours or Redis's, let the living renew before anything is taken away."""
        if clock - self._last > self._tick_s + self._lease_s / 4:
            self._hold_until = clock + self._lease_s / 2

    def _mind_a_jump(self, server: float, sent: float, clock: float) -> None:
        """When Redis's clock was put forward nobody had the time in which to renew or announce."""
        if self._ahead is not None and server - clock - self._ahead > self._lease_s / 4:
            logger.warning("Redis's clock jumped by %.1f s", server - clock - self._ahead)
            self._hold_until = clock + self._lease_s / 2
            self._expire_from = clock + TTL_S
        self._ahead = server - sent

    async def _retries(self, connection: AsyncConnection) -> None:
        now = self._ledger.clock.now()
        latest = now + decide.LONGEST_BACKOFF  # beyond it lies what was due before a jump back
        values = {"now": now, "latest": latest, "limit": LIMIT}
        rows = (await connection.execute(DUE, values)).all()

        async def retry(row: Any) -> None:
            await self._restored(connection, row.job)
            await self._ledger.transition(
                row.job, lambda job, now: decide.retry_due(job, stage=row.stage, now=now)
            )

        await self._each("retry", rows, retry)

    async def _deadlines(self, connection: AsyncConnection) -> None:
        now = self._ledger.clock.now()
        ids = (await connection.scalars(EXPIRED, {"now": now, "limit": LIMIT})).all()

        async def expire(job_id: str) -> None:
            await self._restored(connection, job_id)
            await self._ledger.transition(job_id, lambda job, now: decide.expire(job, now=now))

        await self._each("deadline", ids, expire)

    async def _restored(self, connection: AsyncConnection, job_id: str) -> None:
        """Put a job's state back where it has gone from Redis: nothing else would look for it."""
        if not await self._redis.exists(self._ledger.keys.job(job_id)):
            async with self._one_at_a_time:  # a connection serves one question at a time
                logger.warning("Redis has forgotten job %s: it is put back", job_id)
                await restore_job(self._ledger, connection, job_id)

    async def _lose(self, ticket: Ticket) -> None:
        try:
            await self._ledger.transition(
                ticket.job,
                lambda job, now: decide.lose(
                    job, stage=ticket.stage, token=ticket.token, now=now
                ),
                tenant=ticket.tenant,
                settle=ticket,
            )  # fmt: skip
        except Refused:
            await self._ledger.settle(ticket)  # of an attempt that is over: only to be forgotten

    async def _replicas(self) -> None:
        async def expire(replica: str) -> None:
            fact = EngineExpired(engine=engine_of(replica), replica=replica)
            await self._ledger.append(replica, fact)
            await self._registry.leave(replica)

        expired = await self._registry.expired()
        self._engines |= {engine_of(replica) for replica in expired}
        await self._each("replica expired", expired, expire)

    async def _find_engines(self, connection: AsyncConnection, clock: float) -> None:
        self._engines |= set((await connection.scalars(ACTIVE)).all())
        self._engines |= {one.engine for one in await self._registry.alive()}
        if clock - self._scanned < SCAN_S:
            return
        prefix = self._ledger.keys.queue("")
        async for name in self._redis.scan_iter(f"{prefix}*", count=1000):
            self._engines.add(name.decode().removeprefix(prefix))
        self._scanned = clock

    async def _forget_consumers(self) -> None:
        """Delete the names of replicas that went for good and hold nothing."""
        alive = {one.replica for one in await self._registry.alive()}
        for engine in self._engines:
            queue = Queue(self._redis, self._ledger, engine)
            if not await self._redis.exists(queue.key):
                continue
            groups: Any = await self._redis.xinfo_groups(queue.key)
            if not groups:
                continue
            consumers: Any = await self._redis.xinfo_consumers(queue.key, Keys.GROUP)
            for one in consumers:
                silent = one["idle"] > 2000 * self._lease_s and not one["pending"]
                if silent and one["name"].decode() not in alive:
                    await queue.forget(one["name"].decode())

    async def _each(
        self, kind: str, items: Iterable[T], act: Callable[[T], Awaitable[None]]
    ) -> None:
        """Act on each item, a few at once; one that cannot be acted on holds up no other."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(item: T) -> None:
            async with gate:
                try:
                    await act(item)
                    metrics.TIMERS.labels(kind).inc()
                except (*AWAY, LogMissing, OutOfMemoryError):
                    raise
                except Refused as refused:
                    logger.info("%s of %s: %s", kind, item, refused)
                except SchemaTooNew as newer:
                    logger.warning("%s of %s is left to a newer version: %s", kind, item, newer)
                except Exception:
                    metrics.FAILURES.labels("timers").inc()
                    logger.exception("%s of %s failed; it is tried again", kind, item)

        await asyncio.gather(*[one(item) for item in items])
