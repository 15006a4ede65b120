"""What an engine does with its queue, by hand."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from redis.asyncio import Redis

from streams import decide
from streams.commit import Ledger, Ticket
from streams.errors import Fenced
from streams.job import Job
from streams.work import Queue


async def taken(redis: Redis, ledger: Ledger, engine: str, owner: str) -> tuple[Ticket, Job]:
    """An engine takes its next task that is not over yet and starts it."""
    queue = Queue(redis, ledger, engine)
    await queue.create()
    while True:
        ticket = await queue.take(owner, block_ms=500)
        if ticket is None:  # what a take that found nothing released comes with the next
            ticket = await queue.take(owner, block_ms=500)
        assert ticket
        begin = partial(
            decide.start, stage=ticket.stage, token=ticket.token, owner=owner, engine_version="1"
        )
        try:
            done = await ledger.transition(ticket.job, partial(_with, begin))
        except Fenced:
            await ledger.settle(ticket)
            continue
        assert done.job
        return ticket, done.job


def _with(
    begin: Callable[[Job | None], decide.Facts], job: Job | None, _: datetime
) -> decide.Facts:
    return begin(job)
