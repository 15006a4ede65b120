"""The servers behind the web process, opened once and handed down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import database
from streams.artifacts import Artifacts
from streams.barrier import Confirmed
from streams.commit import Ledger
from streams.connection import connect
from streams.keys import Keys
from streams.log import Log
from streams.registry import Registry
from web.settings import WebSettings

PATIENCE_S = 3.0
"""Seconds that a Redis command is tried for: a request is to end before its client gives up."""
POOL = 5
"""Connections to Postgres that are kept."""
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}


@dataclass(frozen=True)
class Backends:
    """Everything that the handlers stand on."""

    settings: WebSettings
    redis: Redis
    keys: Keys
    ledger: Ledger
    log: Log
    registry: Registry
    artifacts: Artifacts
    database: AsyncEngine
    turns: asyncio.Semaphore
    """First come, first served: in the pool's own queue newcomers pass, and some wait too long."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection for reads."""
        async with self.turns, self.database.connect() as connection:
            yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A connection all whose reads see one and the same moment."""
        async with self.turns, self.database.connect() as connection:
            await connection.execution_options(**SNAPSHOT)
            yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose writes are committed together at the end."""
        async with self.turns, self.database.begin() as connection:
            yield connection


@asynccontextmanager
async def opened(settings: WebSettings) -> AsyncIterator[Backends]:
    """Clients of all servers, closed at the end. None of them need be there yet."""
    keys = Keys(settings.key_prefix, settings.partition)
    async with AsyncExitStack() as stack:
        redis = await stack.enter_async_context(connect(settings.redis_url, patience=PATIENCE_S))
        artifacts = await stack.enter_async_context(Artifacts(settings))
        engine = database.engine(settings, pool=POOL)
        stack.push_async_callback(engine.dispose)
        yield Backends(
            settings=settings,
            redis=redis,
            keys=keys,
            ledger=Ledger(Confirmed(redis, keys) if settings.profile == "ha" else redis, keys),
            log=Log(redis, keys),
            registry=Registry(redis, keys),
            artifacts=artifacts,
            database=engine,
            turns=asyncio.Semaphore(3 * POOL),  # it opens twice as many again when they are wanted
        )
