"""What should be in Redis and is not: tasks that no queue holds, jobs whose events never came."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple, Protocol, TypeVar

from redis.asyncio import Redis
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector import submissions
from projector.queries import checkpoint
from projector.restore import restore_job
from projector.submissions import Submission
from streams import decide
from streams.commit import Ledger
from streams.keys import Keys
from streams.log import Log
from streams.registry import Registry

logger = logging.getLogger(__name__)

T = TypeVar("T")
PATIENCE = timedelta(seconds=5)
"""How old a task or a submission must be before it counts as missing."""
PAGE = 1000
TASKS = text("""
    SELECT job, stage, token, tenant, engine, status FROM stages
    WHERE status IN ('ready', 'running')
      AND coalesce(started_at, ready_at) NOT BETWEEN :before AND :soon
      AND (engine, job, stage) > (:engine, :job, :stage)
    ORDER BY engine, job, stage LIMIT :limit
""")


class Mark(NamedTuple):
    """The log's end at some time: once it is folded, what was accepted before is seen or lost."""

    seq: int
    at: datetime


class Each(Protocol):
    """Acts on each item and lets no bad one hold up the others; see timers."""

    async def __call__(
        self, kind: str, items: Iterable[T], act: Callable[[T], Awaitable[None]]
    ) -> None: ...


async def heal(connection: AsyncConnection, ledger: Ledger, each: Each) -> None:
    """Queue again what waits, and begin again what runs, where no queue knows of it."""
    now = ledger.clock.now()
    last = {"engine": "", "job": "", "stage": ""}
    one_at_a_time = asyncio.Lock()  # a connection serves one question at a time
    while True:
        # What is later than soon was written before the clock went back: old enough, too.
        values = {"before": now - PATIENCE, "soon": now + PATIENCE, "limit": PAGE}
        rows = (await connection.execute(TASKS, values | last)).all()
        for engine, tasks in groupby(rows, key=lambda row: str(row.engine)):
            missing = await _missing(ledger.redis, ledger.keys, engine, list(tasks))

            async def again(row: Row[Any]) -> None:
                async with one_at_a_time:
                    await _again(connection, ledger, row)

            await each("task missing", missing, again)
        if len(rows) < PAGE:
            return
        last = {name: getattr(rows[-1], name) for name in last}


async def _missing(
    redis: Redis, keys: Keys, engine: str, tasks: Sequence[Row[Any]]
) -> list[Row[Any]]:
    """Those that are neither in the backlog nor in the stream, asked in the order they move."""
    members = [f"{row.job}|{row.stage}|{row.token}|{row.tenant}" for row in tasks]
    scores: Any = await redis.zmscore(keys.backlog(engine), members)
    entries: Any = await redis.xrange(keys.queue(engine))
    queued = {tuple(map(fields.get, (b"job", b"stage", b"token"))) for _, fields in entries}
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
    connection: AsyncConnection,
    ledger: Ledger,
    registry: Registry,
    each: Each,
    mark: Mark | None = None,
) -> Mark | None:
    """Commit the first events of accepted jobs that have none; the mark for the next time.

    While jobs come in the fold never stands at the head: it is to have passed where the head was.
    """
    head = await Log(ledger.redis, ledger.keys).head()
    if head is None:
        return None
    now, folded = ledger.clock.now(), (await checkpoint(connection)).seq
    here = Mark(head.seq, now)
    if folded >= here.seq or mark is None or mark.seq > here.seq:
        mark = here
    if folded < mark.seq:
        return mark
    before, asked = min(mark.at, now) - PATIENCE, time.monotonic()
    missing = await submissions.missing(connection, before=before, soon=now + PATIENCE)
    if not missing:
        return here
    offered = await registry.offers()

    async def submit(submission: Submission) -> None:
        logger.warning("job %s was accepted but never began: it does now", submission.id)
        await submissions.submit(ledger, submission, offered, asked=asked)

    await each("submission", missing, submit)
    return here
