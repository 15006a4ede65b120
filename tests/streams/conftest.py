"""A log to write to: `ledger` is a real one, begun and empty, on each server that we run on.

Whatever uses `redis` here runs twice: on Valkey, and on Redis 7.0, the oldest that we promise.
"""

import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
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

SERVERS = ("valkey", "redis7")
UNPACKED = Path(__file__).parents[2] / ".dalston" / "redis7" / "redis-server"


@dataclass(frozen=True)
class Server:
    """A running server, and the child process that it is."""

    url: str
    child: Child


def redis7() -> str | None:
    """Redis 7.0 on this machine: named by hand, unpacked by `make redis7`, or installed."""
    named = os.environ.get("DALSTON_REDIS7_SERVER")
    for found in (named, str(UNPACKED), shutil.which("redis-server")):
        if found and os.access(found, os.X_OK):
            said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
            if "v=7.0." in said.stdout:
                return found
    return None


def environment(kind: str) -> Mapping[str, str]:
    """What makes `infra.local.valkey` start a server of this kind; skips where there is none."""
    if kind == "valkey":
        return os.environ
    found = redis7()
    if found is None:
        pytest.skip("no redis-server 7.0 on this machine: `make redis7` gets it")
    return {**os.environ, "DALSTON_VALKEY_SERVER": found}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Both kinds for each test that talks to a server."""
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", SERVERS, scope="session")


@pytest.fixture(scope="session")
async def server(kind: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One of this kind, for as long as tests of its kind run."""
    home, run = tmp_path_factory.mktemp(kind), socket_directory()
    program = local_valkey.program(
        data=home / "data", run=run, log=home / "server.log", environ=environment(kind)
    )
    child = Child(program)
    await child.start()
    yield Server(local_valkey.url(run), child)
    await child.stop()
    discard(run)


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
async def own_valkey(kind: str, tmp_path: Path) -> AsyncIterator[Server]:
    """A server of this test's own, to be filled or killed; it is restarted when it dies."""
    run = socket_directory()
    program = local_valkey.program(
        data=tmp_path / "valkey", run=run, log=tmp_path / "valkey.log", environ=environment(kind)
    )
    child = Child(program)
    await child.start()
    yield Server(local_valkey.url(run), child)
    await child.stop()
    discard(run)


@pytest.fixture
async def redis(server: Server) -> AsyncIterator[Redis]:
    """As every process of ours connects."""
    async with connect(server.url) as client:
        yield client


@pytest.fixture
async def own_redis(own_valkey: Server) -> AsyncIterator[Redis]:
    async with connect(own_valkey.url) as client:
        yield client
