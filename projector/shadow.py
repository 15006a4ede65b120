"""The tables that a rebuild fills: each job is written once, when it has ended."""

import asyncio

from projector import store
from projector.fold import Changes, fold_in_turns, holds, needed
from projector.rows import Row
from streams.job import Job

SHADOW, OLD = "dalston_rebuild", "dalston_old"
"""Schemas: tables and indexes keep their names there, so a swap is a move between schemas."""
BATCH = 2000
KEPT = 5000
"""Jobs under way that wait in memory for their end before the oldest are written half way."""

ARCHIVE = """
    SELECT seq, type, time, job, rev, tenant, data FROM events
    WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3
"""


async def fetch(driver: store.Connection, after: int, to: int) -> list[Row]:
    """The next batch of the archive; what a fold does not look at is left out."""
    records = await driver.fetch(ARCHIVE, after, to, BATCH)
    return [
        Row(seq, "", 0, kind, time, job, rev, tenant, "", "{}", data)
        for seq, kind, time, job, rev, tenant, data in records
    ]


class Shadow:
    """The jobs under way, and the shadow tables with all the others."""

    def __init__(self) -> None:
        self.holds = 1
        """The schema of what was written, as `fold.holds` has it."""
        self._jobs: dict[str, Job] = {}
        self._new: set[str] = set()
        """Jobs in memory that were never written, so that COPY may take them."""
        self._writing: asyncio.Task[None] | None = None

    async def take(self, driver: store.Connection, rows: list[Row]) -> None:
        """Fold a batch; what ended in it is written while the next one is folded."""
        if missing := needed(rows, self._jobs):
            await self.settle()
            self._jobs |= await store.load(driver, missing, schema=f"{SHADOW}.")
        changes = await fold_in_turns(rows, self._jobs)
        self._new |= {job_id for job_id, before in changes.before.items() if before is None}
        for job_id in changes.after:
            self._jobs.pop(job_id, None)
        self._jobs |= changes.after
        over = [job for job in changes.after.values() if job.terminal]
        spare = len(self._jobs) - len(over) - KEPT
        if spare > 0:
            over += [job for job in self._jobs.values() if not job.terminal][:spare]
        await self.settle()
        self._writing = asyncio.create_task(write(driver, *self._release(over), changes))

    async def settle(self) -> None:
        """Wait until what was taken is written."""
        if self._writing:
            writing, self._writing = self._writing, None
            await writing

    async def flush(self, driver: store.Connection) -> None:
        """Write the jobs that have not ended as well."""
        await self.settle()
        await write(driver, *self._release(list(self._jobs.values())), Changes({}, {}))

    def _release(self, jobs: list[Job]) -> tuple[list[Job], list[Job]]:
        """Take jobs out of memory, at once: those never written, and those written before."""
        self.holds = max(self.holds, holds(jobs))
        for job in jobs:
            del self._jobs[job.id]
        new = [job for job in jobs if job.id in self._new]
        again = [job for job in jobs if job.id not in self._new]
        self._new.difference_update(job.id for job in new)
        return new, again


async def write(
    driver: store.Connection, new: list[Job], again: list[Job], changes: Changes
) -> None:
    """Put jobs into the shadow tables, and count what could not be folded."""
    await store.insert(driver, *_rows(new), schema=SHADOW)
    await store.write(driver, *_rows(again), schema=f"{SHADOW}.")
    await store.count(driver, changes, schema=f"{SHADOW}.")


def _rows(jobs: list[Job]) -> tuple[list[store.Values], list[store.Values]]:
    changes = Changes(dict.fromkeys(job.id for job in jobs), {job.id: job for job in jobs})
    return store.job_rows(changes), store.stage_rows(changes)
