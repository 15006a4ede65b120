"""Redis anew from Postgres: the archive wins, a new epoch begins where it ends."""

import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace
from redis.asyncio import Redis
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import database, metrics, submissions
from projector.continuity import broken
from projector.queries import FOLD, Checkpoint
from projector.restore import fields
from streams import decide
from streams import job as jobs
from streams.commit import Ledger
from streams.connection import connect
from streams.errors import Refused
from streams.events import LogRecovered
from streams.job import Job
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

CHUNK = 500
OURS = frozenset({"job", "queue", "backlog", "fair"})
"""Kinds of keys that are made anew from the archive."""
HOLD = text("""
    INSERT INTO checkpoints (name, seq, id, epoch) VALUES (:name, 0, '', 1)
    ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING seq, id, epoch
""")
NEW_EPOCH = text("UPDATE checkpoints SET epoch = :epoch WHERE name = :name")
LIVE = text("""
    SELECT jobs.id, jobs.rev, jobs.state,
           (SELECT id FROM events WHERE events.job = jobs.id ORDER BY seq DESC LIMIT 1) AS last
    FROM jobs WHERE ended_at IS NULL AND jobs.id > :after ORDER BY jobs.id LIMIT :limit
""")
COUNT = text("SELECT count(*) FROM jobs WHERE ended_at IS NULL")
ARCHIVED = text("SELECT count(*) FROM events WHERE id = ANY(:ids)")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a recovery did: where the new epoch begins, and what happened to whom."""

    reason: str
    at_seq: int
    epoch: int
    dropped: int
    """Events that Redis held and the archive did not: they never happened."""
    jobs: int
    """Jobs under way whose state was put back."""
    requeued: int
    """Stages that waited, and wait again."""
    restarted: int
    """Stages that ran, and begin again with a higher token."""


def silent(what: str, done: int, of: int) -> None:
    """The progress that nobody watches."""


async def recover(settings: Settings, reason: str, progress: Progress = silent) -> Report:
    """Rebuild this partition's Redis from its archive, with connections of its own.

    Safe at any moment, again and again: writers are refused while it runs, and an attempt cut off
    half way leaves no log, which is recovered once more.
    """
    pool = database.engine(settings, pool=1)
    redis = connect(settings.redis_url)
    keys = Keys(settings.key_prefix, settings.partition)
    try:
        report = await Recovery(pool, redis, keys, progress).run(reason)
        announce(report)
        return report
    finally:
        await redis.aclose()
        await pool.dispose()


class Recovery:
    """One recovery of one partition."""

    def __init__(
        self, pool: AsyncEngine, redis: Redis, keys: Keys, progress: Progress = silent
    ) -> None:
        self._pool = pool
        self._redis = redis
        self._keys = keys
        self._ledger = Ledger(redis, keys)
        self._log = Log(redis, keys)
        self._progress = progress

    async def run(self, reason: str) -> Report:
        """Recover, whatever state Redis is in."""
        report = await self._restore(reason, only_if_broken=False)
        assert report is not None
        return await self._requeue(report)

    async def mend(self, reason: str) -> Report | None:
        """Recover unless the log follows the archive after all, or nothing ever happened here."""
        report = await self._restore(reason, only_if_broken=True)
        return await self._requeue(report) if report else None

    async def _restore(self, reason: str, *, only_if_broken: bool) -> Report | None:
        """All but the queues. The checkpoint's row is held, so nothing is folded meanwhile."""
        async with self._pool.begin() as connection:
            row = (await connection.execute(HOLD, {"name": FOLD})).one()
            at = Checkpoint(row.seq, row.id, row.epoch)
            head = await self._log.head()
            if only_if_broken and await self._fine(at, head):
                return None
            epoch = max(at.epoch, head.epoch if head else 0) + 1
            await connection.execute(NEW_EPOCH, {"name": FOLD, "epoch": epoch})
            dropped = await self._dropped(connection, at)
            await self._wipe()
            count = await self._states(connection)
            await submissions.land(connection)
            fact = LogRecovered(at_seq=at.seq, at_id=at.id, reason=reason)
            await self._ledger.begin(Head(at.seq, at.id, epoch), fact)
        return Report(
            reason=reason, at_seq=at.seq, epoch=epoch, dropped=dropped, jobs=count, requeued=0,
            restarted=0,
        )  # fmt: skip

    async def _fine(self, at: Checkpoint, head: Head | None) -> bool:
        if head is None and at.seq == 0 and await self._log.first() is None:
            return await self._log.create(Head(0, "", at.epoch))
        return head is not None and await broken(self._log, at) is None

    async def _dropped(self, connection: AsyncConnection, at: Checkpoint) -> int:
        """Events in Redis that the archive does not hold: it wins, they never happened."""
        seq, dropped = 0, 0
        while batch := await self._log.read(seq, count=CHUNK):
            seq = batch[-1].seq
            kept = await connection.scalar(ARCHIVED, {"ids": [event.id for event in batch]})
            dropped += len(batch) - int(kept or 0)
            self._progress("comparing the log with the archive", seq, max(seq, at.seq))
        return dropped

    async def _wipe(self) -> None:
        """Delete the partition's log, states and queues; the head first, which stops all writers.

        Replicas stay announced: they are alive, and say so again every two seconds.
        """
        await self._redis.unlink(self._keys.head)
        await self._redis.unlink(self._keys.log)
        names: list[bytes] = []
        async for name in self._redis.scan_iter(f"{self._keys.base}:*", count=CHUNK):
            if name.decode().removeprefix(f"{self._keys.base}:").partition(":")[0] in OURS:
                names.append(name)
            if len(names) >= CHUNK:
                await self._redis.unlink(*names)
                names = []
        if names:
            await self._redis.unlink(*names)

    async def _states(self, connection: AsyncConnection) -> int:
        total = int(await connection.scalar(COUNT) or 0)
        done = 0
        async for rows in pages(connection):
            pipe = self._redis.pipeline(transaction=False)
            for row in rows:
                pipe.hset(self._keys.job(row.id), mapping=fields(row.rev, row.state, row.last))
            await pipe.execute()
            done += len(rows)
            self._progress("putting back the jobs under way", done, total)
        return done

    async def _requeue(self, report: Report) -> Report:
        """Put what waited into its queue; what ran begins again, and its old owner is fenced."""
        requeued = restarted = 0
        async with self._pool.connect() as connection:
            async for rows in pages(connection):
                for row in rows:
                    job = jobs.decode(row.state)
                    await self._ledger.enqueue(job)
                    requeued += len(decide.waiting(job))
                    restarted += await self._restart(job)
                self._progress("queueing tasks", requeued + restarted, report.jobs)
        return replace(report, requeued=requeued, restarted=restarted)

    async def _restart(self, job: Job) -> int:
        running = [(name, s.token) for name, s in job.stages.items() if s.status == "running"]
        for stage, token in running:
            with contextlib.suppress(Refused):  # it has gone on since
                await lose(self._ledger, job.id, stage, token)
        return len(running)


async def lose(ledger: Ledger, job_id: str, stage: str, token: int) -> None:
    """Begin an attempt that lost its place again.

    Preempted, not lost: nobody should think that the task kills its engine.
    """
    await ledger.transition(
        job_id,
        lambda job, now: decide.lose(job, stage=stage, token=token, preempted=True, now=now),
    )


async def pages(connection: AsyncConnection) -> AsyncIterator[Sequence[Row[Any]]]:
    """The jobs under way (id, rev, state, last), page by page."""
    after = ""
    while rows := (await connection.execute(LIVE, {"after": after, "limit": CHUNK})).all():
        yield rows
        after = rows[-1].id


def announce(report: Report) -> None:
    """Say aloud what a recovery did."""
    metrics.RECOVERIES.inc()
    logger.warning(
        "recovered Redis from the archive (%s): epoch %s goes on after event %s; %s events were "
        "dropped, %s jobs put back, %s stages queued, %s restarted",
        report.reason, report.epoch, report.at_seq, report.dropped, report.jobs, report.requeued,
        report.restarted,
    )  # fmt: skip
