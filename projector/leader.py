"""One of several projectors does what must be done once: whoever holds the lock in Postgres."""

import asyncio
import logging
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import metrics
from projector.mute import SILENCE_S, watched

logger = logging.getLogger(__name__)

LOCK = text("SELECT pg_try_advisory_lock(:lock)")
FREE = text("SET idle_session_timeout = '60s'")
WAIT_S = 1.0


async def lead(
    database: AsyncEngine, name: str, work: Callable[[AsyncConnection], Awaitable[None]]
) -> None:
    """Do the work while this process holds the lock of that name; for ever.

    The lock lives with its connection, which the work gets and uses all the time: when Postgres
    ends it, the work fails, and whoever is first takes over.
    """
    lock = zlib.crc32(name.encode())
    while True:
        try:
            async with _apart(database) as connection:
                try:
                    while not await _got(connection, lock):  # noqa: ASYNC110 - nobody tells us
                        await asyncio.sleep(WAIT_S)
                    metrics.LEADING.set(1)
                    logger.info("leading: timers, text index and eraser run here")
                    await work(connection)
                finally:
                    metrics.LEADING.set(0)
                    await connection.invalidate()  # the lock goes with it, whatever happened
        except Exception as error:  # noqa: BLE001 - the rim: a server is away; lead again later
            metrics.FAILURES.labels("leader").inc()
            logger.warning("the timers stand still, again in %s s: %r", WAIT_S, error)
            await asyncio.sleep(WAIT_S)


@asynccontextmanager
async def _apart(database: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection outside of transactions, which Postgres ends when it says nothing for long."""
    async with AsyncExitStack() as stack:
        async with asyncio.timeout(SILENCE_S):
            plain = await stack.enter_async_context(database.connect())
            connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
            await connection.execute(FREE)
        yield connection


async def _got(connection: AsyncConnection, lock: int) -> bool:
    async with watched(connection):
        return bool(await connection.scalar(LOCK, {"lock": lock}))
