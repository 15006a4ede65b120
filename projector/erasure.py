"""The eraser: when a job is erased, nothing keeps a word of it."""

import logging

from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import index, queries
from projector.consumer import Consumer
from projector.objects import Objects
from streams.erasure import blank_fact
from streams.events import Event, encode_fact
from streams.keys import Keys
from streams.log import Log

logger = logging.getLogger(__name__)

BLANK = text("UPDATE events SET data = :data, meta = '{}' WHERE seq = :seq")
BLANK_SUBMISSION = text("""
    UPDATE submissions SET filename = '', source = :source, request = '{}', fingerprint = '',
           idempotency_key = NULL, landed = true WHERE id = :job
""")
NO_SOURCE = '{"uri":"","sha256":"","bytes":0}'
PAGE = 500


class Eraser(Consumer):
    """On job.erased: the objects, the index, the archive's payloads, the log's.

    The state in Redis and the projection are blank already: job.erased was folded into both.
    """

    name = "eraser"
    wants = ("job.erased",)

    def __init__(self, database: AsyncEngine, objects: Objects, redis: Redis, keys: Keys) -> None:
        super().__init__(database, objects)
        self._log = Log(redis, keys)

    async def handle(self, event: Event) -> None:
        """Erase one job; each step may be repeated."""
        artifacts = await self.objects.artifacts()
        objects = await artifacts.erase(event.job)
        async with self.database.begin() as connection:
            await index.forget(connection, event.job)
            await connection.execute(BLANK_SUBMISSION, {"job": event.job, "source": NO_SOURCE})
            events = await blank(connection, event.job, event.seq)
        # All of it is archived, for that is where we read it; readers below are served from there.
        await self._log.trim(event.seq)
        logger.info("erased job %s: %s objects, %s events", event.job, objects, events)


async def blank(connection: AsyncConnection, job_id: str, up_to: int) -> int:
    """Blank what the archived events of a job say; their order, ids and types stay."""
    after, count = 0, 0
    while found := await queries.events(connection, after=after, job=job_id, limit=PAGE):
        after = found[-1].seq
        rows = [
            {"seq": event.seq, "data": encode_fact(blank_fact(event.fact)).decode()}
            for event in found
            if event.seq <= up_to
        ]
        if rows:
            await connection.execute(BLANK, rows)
        count += len(rows)
    return count
