"""The tables that a rebuild fills: each job is written once, when it has ended."""

from projector import store
from projector.fold import Changes, fold, needed
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
        self._jobs: dict[str, Job] = {}
        self._new: set[str] = set()
        """Jobs in memory that were never written, so that COPY may take them."""

    async def take(self, driver: store.Connection, rows: list[Row]) -> None:
        """Fold a batch; write the jobs that ended in it."""
        if missing := needed(rows, self._jobs):
            self._jobs |= await store.load(driver, missing, schema=f"{SHADOW}.")
        changes = fold(rows, self._jobs)
        self._new |= {job_id for job_id, before in changes.before.items() if before is None}
        for job_id in changes.after:
            self._jobs.pop(job_id, None)
        self._jobs |= changes.after
        over = [job for job in changes.after.values() if job.terminal]
        spare = len(self._jobs) - len(over) - KEPT
        if spare > 0:
            over += [job for job in self._jobs.values() if not job.terminal][:spare]
        await self._write(driver, over)
        await store.count(driver, changes, schema=f"{SHADOW}.")

    async def flush(self, driver: store.Connection) -> None:
        """Write the jobs that have not ended."""
        await self._write(driver, list(self._jobs.values()))

    async def _write(self, driver: store.Connection, jobs: list[Job]) -> None:
        for job in jobs:
            del self._jobs[job.id]
        new = [job for job in jobs if job.id in self._new]
        again = [job for job in jobs if job.id not in self._new]
        self._new.difference_update(job.id for job in new)
        await store.insert(driver, *_rows(new), schema=SHADOW)
        await store.write(driver, *_rows(again), schema=f"{SHADOW}.")


def _rows(jobs: list[Job]) -> tuple[list[store.Values], list[store.Values]]:
    changes = Changes(dict.fromkeys(job.id for job in jobs), {job.id: job for job in jobs})
    return store.job_rows(changes), store.stage_rows(changes)
