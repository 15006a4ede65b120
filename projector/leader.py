"""One of several projectors does what must be done once: whoever holds the lock in Postgres."""

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import metrics

logger = logging.getLogger(__name__)

LOCK = text("SELECT pg_try_advisory_lock(:lock)")
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
            async with database.connect() as plain:
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                try:
                    while not await connection.scalar(LOCK, {"lock": lock}):  # noqa: ASYNC110
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
