"""What should be in Redis and is not: tasks that no queue holds, jobs whose events never came."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any, Protocol, TypeVar

from redis.asyncio import Redis
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector import submissions
from projector.queries import checkpoint
from projector.restore import restore_job
from projector.submissions import Submission
from streams import decide
from streams.commit import Ledger
from streams.errors import InvalidRequest
from streams.keys import Keys
from streams.log import Log
from streams.registry import Registry, offers

logger = logging.getLogger(__name__)

T = TypeVar("T")
PATIENCE = timedelta(seconds=5)
"""How old a task or a submission must be before it counts as missing."""
PAGE = 1000
TASKS = text("""
    SELECT job, stage, token, tenant, engine, status FROM stages
    WHERE status IN ('ready', 'running')
      AND coalesce(started_at, ready_at) NOT BETWEEN :before AND :soon
    ORDER BY engine, job, stage LIMIT :limit OFFSET :offset
""")


class Each(Protocol):
    """Acts on each item and lets no bad one hold up the others; see timers."""

    async def __call__(
        self, kind: str, items: Iterable[T], act: Callable[[T], Awaitable[None]]
    ) -> None: ...


async def heal(connection: AsyncConnection, ledger: Ledger, each: Each) -> None:
    """Queue again what waits, and begin again what runs, where no queue knows of it."""
    now, offset = ledger.clock.now(), 0
    one_at_a_time = asyncio.Lock()  # a connection serves one question at a time
    while True:
        # What is later than soon was written before the clock went back: old enough, too.
        values = {
            "before": now - PATIENCE, "soon": now + PATIENCE, "limit": PAGE, "offset": offset,
        }  # fmt: skip
        rows = (await connection.execute(TASKS, values)).all()
        for engine, tasks in groupby(rows, key=lambda row: str(row.engine)):
            missing = await _missing(ledger.redis, ledger.keys, engine, list(tasks))

            async def again(row: Row[Any]) -> None:
                async with one_at_a_time:
                    await _again(connection, ledger, row)

            await each("task missing", missing, again)
        if len(rows) < PAGE:
            return
        offset += PAGE


async def _missing(
    redis: Redis, keys: Keys, engine: str, tasks: Sequence[Row[Any]]
) -> list[Row[Any]]:
    """Those that are neither in the backlog nor in the stream, asked in the order they move."""
    members = [f"{row.job}|{row.stage}|{row.token}|{row.tenant}" for row in tasks]
    scores: Any = await redis.zmscore(keys.backlog(engine), members)
    entries: Any = await redis.xrange(keys.queue(engine))
    queued = {(fields[b"job"], fields[b"stage"], fields[b"token"]) for _, fields in entries}
    return [
        row
        for row, score in zip(tasks, scores, strict=True)
        if score is None and (row.job.encode(), row.stage.encode(), b"%d" % row.token) not in queued
    ]


async def _again(connection: AsyncConnection, ledger: Ledger, row: Row[Any]) -> None:
    """Look at the state itself, which is newer than both, before anything is done."""
    job = await restore_job(ledger, connection, row.job)
    if job is None or job.terminal:
        return
    stage = job.stages[row.stage]
    if (stage.token, stage.status) != (row.token, row.status):
        return
    logger.warning("no queue holds %s of job %s: it is queued again", row.stage, row.job)
    if stage.status == "ready":
        await ledger.enqueue(job)
        return
    await ledger.transition(
        row.job,
        lambda job, now: decide.lose(job, stage=row.stage, token=row.token, now=now),
    )


async def resubmit(
    connection: AsyncConnection, ledger: Ledger, registry: Registry, each: Each
) -> None:
    """Commit the first events of accepted jobs that have none, when all there are is folded."""
    head = await Log(ledger.redis, ledger.keys).head()
    if head is None or (await checkpoint(connection)).seq < head.seq:
        return
    now = ledger.clock.now()
    missing = await submissions.missing(connection, before=now - PATIENCE, soon=now + PATIENCE)
    if not missing:
        return
    offered = offers(await registry.alive())

    async def submit(submission: Submission) -> None:
        logger.warning("job %s was accepted but never began: it does now", submission.id)
        try:
            await submissions.submit(ledger, submission, offered)
        except InvalidRequest as error:
            # Accepted is accepted: planned for the default engines, which say what is wrong.
            logger.warning("job %s: %s", submission.id, error)
            await submissions.submit(ledger, submission, [])

    await each("submission", missing, submit)
