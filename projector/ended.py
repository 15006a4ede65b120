"""States of ended jobs leave Redis soon after they are archived; Postgres keeps them for ever."""

from collections.abc import Iterable

from redis.asyncio import Redis

from streams.job import Job
from streams.keys import Keys

KEPT_S = 300.0
"""How long Redis keeps the state of a job whose end is archived: for whoever repeats a command that
he had no answer to. That is far longer than FRESH_S, after which nobody may repeat one. What is not
archived yet it keeps for TERMINAL_TTL_MS."""


async def let_go(redis: Redis, keys: Keys, jobs: Iterable[Job]) -> None:
    """Shorten the life of what Postgres holds; never lengthen it."""
    pipe = redis.pipeline(transaction=False)
    for job in jobs:
        if job.terminal:
            pipe.pexpire(keys.job(job.id), int(KEPT_S * 1000), lt=True)
    if len(pipe):
        await pipe.execute()
