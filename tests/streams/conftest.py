"""A log to write to: `ledger` is a real one on Valkey, begun and empty."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio import Redis

from infra.local import valkey as local_valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from streams.commit import Ledger
from streams.connection import connect
from streams.keys import Keys
from streams.log import Head, Log


@dataclass(frozen=True)
class Server:
    """A running server, and the child process that it is."""

    url: str
    child: Child


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


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[Server]:
    """A server of this test's own, to be filled or killed; it is restarted when it dies."""
    run = socket_directory()
    program = local_valkey.program(
        data=tmp_path / "valkey", run=run, log=tmp_path / "valkey.log", environ=os.environ
    )
    child = Child(program)
    await child.start()
    yield Server(local_valkey.url(run), child)
    await child.stop()
    discard(run)


@pytest.fixture
async def redis(valkey: Server) -> AsyncIterator[Redis]:
    """As every process of ours connects."""
    async with connect(valkey.url) as client:
        yield client


@pytest.fixture
async def own_redis(own_valkey: Server) -> AsyncIterator[Redis]:
    async with connect(own_valkey.url) as client:
        yield client
