"""Real servers for the tests: one of each kind a session (and an xdist worker), fresh for a test.

Once a session:  valkey    Server: .url, a Valkey on a unix socket, appendfsync always
                 postgres  Server: .url, the DSN of a Postgres on a unix socket
                 s3        ObjectStore: .url .access_key .secret_key, our S3 on a free port
Fresh each test: key_prefix  str: the first part of every Redis key of this test
                 redis       redis.asyncio.Redis (bytes, RESP2) on `valkey`
                 database    str: the DSN of an empty database
                 bucket      str: the name of an empty bucket
                 s3_client   aiobotocore's S3 client of `s3`
                 settings    streams.settings.Settings: all of the above
"""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from infra.local import runtime
from infra.local import postgres as local_postgres
from infra.local import valkey as local_valkey
from infra.local.child import Child
from streams.settings import Settings


@dataclass(frozen=True)
class Server:
    """A running server, and the child process that it is."""

    url: str
    child: Child


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's servers keep their files."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
async def valkey(home: Path) -> AsyncIterator[Server]:
    run = runtime.make()
    child = Child(
        local_valkey.program(data=home / "valkey", run=run, log=home / "valkey.log", environ={})
    )
    await child.start()
    yield Server(local_valkey.url(run), child)
    await child.stop()
    runtime.discard(run)


@pytest.fixture(scope="session")
async def postgres(home: Path) -> AsyncIterator[Server]:
    run = runtime.make()
    data = home / "postgres"
    await local_postgres.prepare(data, {}, sync=False)
    child = Child(local_postgres.program(data=data, run=run, log=home / "postgres.log", environ={}))
    await child.start()
    yield Server(local_postgres.dsn(run, "postgres"), child)
    await child.stop()
    runtime.discard(run)


@pytest.fixture
def key_prefix() -> str:
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def redis(valkey: Server) -> AsyncIterator["Redis"]:
    async with Redis.from_url(valkey.url, protocol=2) as client:
        yield client


@pytest.fixture
async def database(postgres: Server) -> AsyncIterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    admin = await asyncpg.connect(postgres.url)
    await admin.execute(f"CREATE DATABASE {name}")
    yield postgres.url.replace("/postgres?", f"/{name}?")
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
def settings(valkey: Server, database: str, key_prefix: str) -> Settings:
    return Settings(redis_url=valkey.url, postgres_dsn=database, key_prefix=key_prefix)
