"""A log to write to: `ledger` is a real one on Valkey, begun and empty."""

import pytest
from redis.asyncio import Redis

from streams.commit import Ledger
from streams.keys import Keys
from streams.log import Head, Log


@pytest.fixture
def keys(key_prefix: str) -> Keys:
    return Keys(key_prefix)


@pytest.fixture
async def log(redis: Redis, keys: Keys) -> Log:
    log = Log(redis, keys)
    await log.create(Head(0, "", 1))
    return log


@pytest.fixture
async def ledger(redis: Redis, keys: Keys, log: Log) -> Ledger:
    return Ledger(redis, keys)
