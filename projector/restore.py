"""The state of a job back into Redis, from where it expires a day after the job has ended."""

import asyncio
from typing import Any

from redis.exceptions import WatchError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.checkpoints import unclaimed
from projector.errors import NotCaughtUp
from projector.queries import FOLD, checkpoint
from streams import job as jobs
from streams.commit import TERMINAL_TTL_MS, Ledger
from streams.job import Job
from streams.log import Log

TRIES, WAIT_S = 50, 0.1
STATE = text("""
    SELECT rev, state, (SELECT id FROM events WHERE job = :id ORDER BY seq DESC LIMIT 1) AS last
    FROM jobs WHERE id = :id
""")


async def restore_job(ledger: Ledger, connection: AsyncConnection, job_id: str) -> Job | None:
    """Make sure that Redis holds the state of a job, so that a command on it can be committed.

    Gives the state that is in Redis then; None when there is no such job anywhere.

    Raises:
        NotCaughtUp: the projection is behind the log, so its state might be an old one.
        FoldedByNewer: a newer version folds, and its states may hold what this one would lose.
    """
    job = await ledger.load(job_id)
    if job is not None:
        return job
    await _caught_up(ledger, connection)
    row = (await connection.execute(STATE, {"id": job_id})).first()
    if row is None:
        return None
    await unclaimed(connection, FOLD)
    found = jobs.decode(row.state)
    await _put(ledger, found, row.last)
    return await ledger.load(job_id)


async def _caught_up(ledger: Ledger, connection: AsyncConnection) -> None:
    head = await Log(ledger.redis, ledger.keys).head()
    for _ in range(TRIES):
        if head is not None and (await checkpoint(connection)).seq >= head.seq:
            return
        await asyncio.sleep(WAIT_S)
    raise NotCaughtUp("the projection is behind the log: see that the projector runs; try again")


async def _put(ledger: Ledger, job: Job, last: str) -> None:
    """Write the state unless somebody else has meanwhile."""
    key = ledger.keys.job(job.id)
    async with ledger.redis.pipeline() as pipe:
        await pipe.watch(key)
        if await pipe.exists(key):
            return
        pipe.multi()  # type: ignore[no-untyped-call]
        pipe.hset(key, mapping=fields(job.rev, jobs.encode(job), last))
        if job.terminal:
            pipe.pexpire(key, TERMINAL_TTL_MS)
        try:
            await pipe.execute()
        except WatchError:
            return


def fields(rev: int, state: bytes | str, last: str) -> dict[Any, Any]:
    """The hash of a job's state, as commit.lua keeps it."""
    schema = jobs.schema_of(jobs.decode(state))
    return {"rev": rev, "state": state, "last": last, "schema": schema}
