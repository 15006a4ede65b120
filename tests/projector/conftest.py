"""A migrated database, a log and its one writer, for the tests of the projector."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import database
from streams.commit import Ledger
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """A pool on an empty, migrated database."""
    await database.migrate(settings)
    engine = database.engine(settings)
    yield engine
    await engine.dispose()


@pytest.fixture
async def ledger(redis: Redis, key_prefix: str) -> Ledger:
    """The writer of a log that has begun."""
    keys = Keys(key_prefix)
    await Log(redis, keys).create(Head(0, "", 1))
    return Ledger(redis, keys)
