"""The sweeper: objects that nothing names are deleted, once they are too old to be on their way.

An upload whose row was never written leaves one, an attempt that was fenced or cancelled while it
stored its output, a process that was killed with parts under way.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import metrics, pending
from projector.objects import Objects
from projector.queries import checkpoint
from streams import job as jobs
from streams.artifacts import Artifacts, Stored, key_in, key_of, source_key
from streams.errors import ArtifactCorrupt
from streams.job import Job
from streams.keys import Keys
from streams.log import Log

logger = logging.getLogger(__name__)

ROUNDS = 4
"""Sweeps in the time that an object without a name is left alone."""
OWNER = "owner"
"""The object that says whose bucket it is: the id of the first event of all, which a backup of the
database keeps, too. In a bucket of somebody else's nothing is swept."""
FIRST = text("SELECT id FROM events WHERE seq = 1")
STATES = text("SELECT state FROM jobs WHERE id = ANY(:ids)")
KEPT = text("""
    SELECT id FROM submissions WHERE id = ANY(:ids)
    UNION SELECT id FROM uploads WHERE id = ANY(:ids)
""")


class Sweeper:
    """Deletes what nothing names; ``age_s`` after it was written, or never where that is 0."""

    def __init__(
        self, database: AsyncEngine, objects: Objects, redis: Redis, keys: Keys, *, age_s: float
    ) -> None:
        self._database = database
        self._objects = objects
        self._log = Log(redis, keys)
        self._age_s = age_s

    async def run(self) -> None:
        """Sweep now and then, for ever; errors of Postgres and Redis end it."""
        while True:
            await asyncio.sleep((self._age_s or 3600.0) / ROUNDS)
            if not self._age_s:
                continue
            try:
                await self.sweep()
            except Exception as error:
                if not isinstance(error, (OSError, *self._objects.away)):
                    raise
                metrics.FAILURES.labels("sweep").inc()
                logger.warning("not swept now: %r", error)

    async def sweep(self) -> int:
        """Go through the whole bucket once; how many objects and uploads went."""
        artifacts = await self._objects.artifacts()
        before = datetime.now(UTC) - timedelta(seconds=self._age_s)
        if not await self._ours(artifacts):
            return 0
        count = await artifacts.end_uploads(before, await self._going_on())
        async for page in artifacts.pages("jobs/"):
            for key in await self._unnamed(page, before):
                logger.warning("nothing names %s: it is deleted", key)
                await artifacts.delete(key)
                metrics.SWEPT.inc()
                count += 1
        return count

    async def _ours(self, artifacts: Artifacts) -> bool:
        """Whether the bucket belongs to this archive, and the archive is up to date."""
        async with self._database.connect() as connection:
            first = await connection.scalar(FIRST)
            at = await checkpoint(connection)
        head = await self._log.head()
        if first is None or head is None or at.seq < head.seq:
            return False
        try:
            await artifacts.put(OWNER, str(first).encode(), "text/plain")
        except ArtifactCorrupt:
            logger.warning(
                "bucket %s belongs to another database (see its object %r): nothing is swept",
                artifacts.bucket, OWNER,
            )  # fmt: skip
            return False
        return True

    async def _going_on(self) -> frozenset[str]:
        """The uploads in parts that somebody may still go on with; the others are forgotten."""
        async with self._database.begin() as connection:
            for upload in await pending.expire(connection):
                logger.info("nobody went on with upload %s: it is given up", upload)
            return await pending.named(connection)

    async def _unnamed(self, page: Sequence[Stored], before: datetime) -> list[str]:
        by_job = [(name, list(group)) for name, group in groupby(page, job_of)]
        async with self._database.connect() as connection:
            known = await _states(connection, [name for name, _ in by_job])
            kept = set((await connection.scalars(KEPT, {"ids": [n for n, _ in by_job]})).all())
        return [
            key
            for name, stored in by_job
            if name in known or name not in kept
            for key in unnamed(stored, known.get(name), before)
        ]


def unnamed(stored: Iterable[Stored], job: Job | None, before: datetime) -> list[str]:
    """Those objects of one job that no state of it names or will name.

    Of a job that was erased all go at once; others are left alone until they are from ``before``.
    """
    if job is not None and job.erased:
        return [one.key for one in stored]
    named = prefixes(job) if job is not None else ()
    return [one.key for one in stored if one.at < before and not one.key.startswith(named)]


def prefixes(job: Job) -> tuple[str, ...]:
    """What the keys of a job's living objects begin with: its source, and attempts by folder."""
    found = [source_key(job.id)]
    for name, stage in job.stages.items():
        if stage.output is not None:
            found.append(key_in(stage.output.uri).rpartition("/")[0] + "/")
        elif not job.terminal:
            found.append(key_of(job.id, name, stage.token, ""))
    return tuple(found)


def job_of(stored: Stored) -> str:
    """The job in a key: jobs/JOB/…"""
    return stored.key.split("/")[1]


async def _states(connection: AsyncConnection, ids: Sequence[str]) -> dict[str, Job]:
    found = [jobs.decode(state) for state in await connection.scalars(STATES, {"ids": list(ids)})]
    return {job.id: job for job in found}
