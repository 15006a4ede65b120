"""Redis anew from Postgres: the archive wins, a new epoch begins where it ends."""

import asyncio
import logging
import zlib
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import database, metrics, submissions
from projector.checkpoints import unclaimed
from projector.continuity import broken
from projector.queries import FOLD, Checkpoint
from projector.restore import fields
from streams import decide
from streams import job as jobs
from streams.commit import Ledger
from streams.connection import connect
from streams.errors import LogInconsistent
from streams.events import JobRequest, LogRecovered, PlannedStage
from streams.job import Job, floor_of
from streams.keys import HIDDEN, Keys
from streams.log import Head, Log
from streams.offers import Offer
from streams.pipeline import plan
from streams.registry import Registry
from streams.settings import Settings

logger = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

CHUNK = 500
AT_ONCE = 16
OURS = frozenset({"job", "queue", "backlog", "fair", HIDDEN})
"""Kinds of keys that are made anew from the archive."""
LOCK = zlib.crc32(b"recover")
ALONE = text("SELECT pg_advisory_lock(:lock)")
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
ACCEPTED = text("SELECT EXISTS (SELECT FROM submissions)")
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
        self._ledger = Ledger(redis, keys.hidden())
        self._registry = Registry(redis, keys)
        self._log = Log(redis, keys)
        self._progress = progress

    async def run(self, reason: str) -> Report:
        """Recover, whatever state Redis is in."""
        report = await self._recover(reason, only_if_broken=False)
        assert report is not None
        return report

    async def mend(self, reason: str) -> Report | None:
        """Recover unless the log follows the archive after all, or nothing ever happened here."""
        return await self._recover(reason, only_if_broken=True)

    async def _recover(self, reason: str, *, only_if_broken: bool) -> Report | None:
        """Make the log where nobody finds it, then note its epoch in Postgres, then show the log.

        In this order: an epoch that anybody could see is never begun a second time.
        """
        async with self._pool.connect() as connection:
            try:
                await connection.execute(ALONE, {"lock": LOCK})
                await connection.commit()
                async with connection.begin():
                    report = await self._restore(connection, reason, only_if_broken=only_if_broken)
                if report and not await self._log.publish():
                    raise LogInconsistent("another log was begun meanwhile: see who else writes")
                return report
            finally:
                await connection.invalidate()  # the lock goes with it, whatever happened

    async def _restore(
        self, connection: AsyncConnection, reason: str, *, only_if_broken: bool
    ) -> Report | None:
        """All of it, hidden. The checkpoint's row is held, so nothing is folded meanwhile."""
        row = (await connection.execute(HOLD, {"name": FOLD})).one()
        await unclaimed(connection, FOLD)
        at = Checkpoint(row.seq, row.id, row.epoch)
        head = await self._log.head()
        if only_if_broken and await self._fine(connection, at, head):
            return None
        epoch = max(at.epoch, head.epoch if head else 0) + 1
        await connection.execute(NEW_EPOCH, {"name": FOLD, "epoch": epoch})
        dropped = await self._dropped(connection, at)
        await self._wipe()
        count = await self._states(connection)
        await submissions.land(connection)
        fact = LogRecovered(at_seq=at.seq, at_id=at.id, reason=reason)
        await self._ledger.begin(Head(at.seq, at.id, epoch), fact)
        begun = await self._begin_again(connection, floor_of(epoch), count)
        return Report(
            reason=reason, at_seq=at.seq, epoch=epoch, dropped=dropped, jobs=count,
            requeued=begun["ready"], restarted=begun["running"],
        )  # fmt: skip

    async def _fine(self, connection: AsyncConnection, at: Checkpoint, head: Head | None) -> bool:
        # An archive that is empty proves nothing: jobs may have been lost before they were in it.
        if head is None and at.seq == 0 and not await connection.scalar(ACCEPTED):
            return await self._log.create(Head(0, "", at.epoch))
        return head is not None and await broken(self._log, at) is None

    async def _dropped(self, connection: AsyncConnection, at: Checkpoint) -> int:
        """Events in Redis that the archive does not hold: it wins, they never happened."""
        last, dropped = "0-0", 0
        while entries := await self._raw(last):
            last = entries[-1][0].decode()
            ids = [fields.get(b"id", b"").decode("utf-8", "replace") for _, fields in entries]
            dropped += len(ids) - int(await connection.scalar(ARCHIVED, {"ids": ids}) or 0)
            seq = int(last.partition("-")[0])
            self._progress("comparing the log with the archive", seq, max(seq, at.seq))
        return dropped

    async def _raw(self, after: str) -> list[Any]:
        """Entries as they are: what is there may be no event at all."""
        found: Any = await self._redis.xrange(self._keys.log, f"({after}", "+", CHUNK)
        return list(found)

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

    async def _begin_again(
        self, connection: AsyncConnection, floor: int, total: int
    ) -> Counter[str]:
        """Every job goes on from where its archive ends; how many stages waited and ran there.

        Attempts begin again with tokens of the new epoch, so all of before are fenced off.
        """
        begun: Counter[str] = Counter()
        gate, done = asyncio.Semaphore(AT_ONCE), 0
        offered = await self._registry.offers()

        async def go_on(job: Job) -> None:
            stages = job.plan or planned(job.request, offered)
            async with gate:
                await self._ledger.transition(
                    job.id,
                    lambda job, now: decide.recover(job, floor=floor, plan=stages, now=now),
                    known=job,
                )

        async for rows in pages(connection):
            found = [jobs.decode(row.state) for row in rows]
            await asyncio.gather(*map(go_on, found))
            begun.update(stage.status for job in found for stage in job.stages.values())
            done += len(rows)
            self._progress("queueing tasks", done, total)
        return begun


def planned(request: JobRequest, offered: Sequence[Offer]) -> tuple[PlannedStage, ...]:
    """The plan of a job that was accepted; what is up now cannot change that.

    What nobody does now waits for the first choice, which says what is wrong.
    """
    return plan(request, offered, accepted=True)


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
