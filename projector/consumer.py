"""A side effect of the log: its own checkpoint on the archive, and it never holds up the fold."""

import asyncio
import contextlib
import logging
from abc import ABC, abstractmethod
from typing import ClassVar

import msgspec
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import database, metrics, queries
from projector.checkpoints import begin, move
from projector.errors import CheckpointMoved
from projector.mute import begun
from projector.objects import Objects
from projector.queries import Checkpoint, checkpoint
from streams.errors import ArtifactCorrupt, ArtifactMissing
from streams.events import Event

logger = logging.getLogger(__name__)

AWAY = (*database.AWAY, RedisError)
"""A server does not answer: wait for it, however long."""
HOPELESS = (ArtifactMissing, ArtifactCorrupt, msgspec.MsgspecError)
"""Trying again hardly helps; it is tried a few times all the same."""
TRIES, FIRST_WAIT_S, LAST_WAIT_S = 3, 0.1, 10.0
SPAN = 5000
"""Events looked through in one step."""
POLL_S = 1.0
LINGER_S = 0.2
"""Under load the archive grows thirty times a second: what comes in this time is one step."""
STRIDE = 20
"""Events handled before the checkpoint moves: as many are handled again after a crash."""

SPANNED = text("""
    SELECT seq, id, epoch FROM events WHERE seq > :after AND seq <= :after + :span
    ORDER BY seq DESC LIMIT 1
""")
WANTED = text("""
    SELECT seq, id, epoch, type, time, job, rev, tenant, prev, meta, data FROM events
    WHERE seq > :after AND seq <= :to AND type = ANY(:types) ORDER BY seq
""")


class Consumer(ABC):
    """Handles every event of its types, in order, at least once; after a crash the last again."""

    name: ClassVar[str]
    wants: ClassVar[tuple[str, ...]]

    def __init__(self, database: AsyncEngine, objects: Objects) -> None:
        self.database = database
        self.objects = objects

    @abstractmethod
    async def handle(self, event: Event) -> None:
        """Bring the effect about; doing it again changes nothing."""

    async def run(self, advanced: asyncio.Event) -> None:
        """Handle events for ever; ``advanced`` is set when the archive grew."""
        while True:
            try:
                moved = await self.step()
            except CheckpointMoved:
                continue
            if not moved:
                advanced.clear()
                with contextlib.suppress(TimeoutError):  # a wake-up may be lost: poll as well
                    await asyncio.wait_for(advanced.wait(), POLL_S)
                await asyncio.sleep(LINGER_S)

    async def step(self) -> bool:
        """Handle what the next stretch of the archive holds; False when there is none."""
        async with begun(self.database) as connection:
            await begin(connection, self.name)
            at = await checkpoint(connection, self.name)
            row = (await connection.execute(SPANNED, {"after": at.seq, "span": SPAN})).first()
            if row is None:
                return False
            to = Checkpoint(row.seq, row.id, row.epoch)
            values = {"after": at.seq, "to": to.seq, "types": list(self.wants)}
            wanted = (await connection.execute(WANTED, values)).all()
        for count, row in enumerate(wanted, start=1):
            await self._handle(queries.event(row))
            if count % STRIDE == 0:
                at = await self._move(at, Checkpoint(row.seq, row.id, row.epoch))
        if at.seq < to.seq:
            await self._move(at, to)
        return True

    async def _move(self, at: Checkpoint, to: Checkpoint) -> Checkpoint:
        async with begun(self.database) as connection:
            await move(connection, self.name, at, to)
        return to

    async def _handle(self, event: Event) -> None:
        tries = 0
        while True:
            tries += 1
            try:
                return await self.handle(event)
            except HOPELESS as error:
                if tries >= TRIES:
                    return self._skip(event, error)
            except Exception as error:
                if isinstance(error, (*AWAY, *self.objects.away)):
                    logger.warning("%s waits for event %s: %r", self.name, event.seq, error)
                elif tries >= TRIES:
                    return self._skip(event, error)
                else:
                    logger.exception("%s failed at event %s", self.name, event.seq)
            metrics.FAILURES.labels(self.name).inc()
            await asyncio.sleep(min(FIRST_WAIT_S * 2 ** min(tries - 1, 10), LAST_WAIT_S))

    def _skip(self, event: Event, error: Exception) -> None:
        """One bad event must not hold up all that come after it."""
        metrics.SKIPPED.labels(self.name).inc()
        logger.error(
            "%s skips event %s (%s of job %s): %r", self.name, event.seq, event.type, event.job,
            error,
        )  # fmt: skip
