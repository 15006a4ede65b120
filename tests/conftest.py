"""Real servers for the tests: one of each kind a session (and an xdist worker), fresh for a test.

Once a session:  valkey    Server: .url, a Valkey on a unix socket, appendfsync always
                 postgres  Server: .url, the DSN of a Postgres on a unix socket
                 s3        ObjectStore: .url .access_key .secret_key, our S3 on a free port
                 s3_client   aiobotocore's S3 client of `s3`
                 environments  Path: engines' virtual environments, kept from one run to the next
Fresh each test: key_prefix  str: the first part of every Redis key of this test
                 redis       redis.asyncio.Redis (bytes, RESP2) on `valkey`
                 database    str: the DSN of an empty database
                 bucket      str: the name of an empty bucket
                 settings    streams.settings.Settings: all of the above
"""

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from redis.asyncio import Redis

from infra.local import objectstore
from infra.local import postgres as local_postgres
from infra.local import valkey as local_valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from streams.settings import Settings

S3Client = Any  # aiobotocore has no types; this says what is meant


@dataclass(frozen=True)
class ObjectStore:
    """A running S3, its keys, and the child process that it is."""

    url: str
    access_key: str
    secret_key: str
    child: Child


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
def environments() -> Path:
    """Beside the developer's own stack, so that they are built once and not in each session."""
    return Path(__file__).parents[1] / ".dalston" / "test-envs"


@pytest.fixture(scope="session")
async def valkey(home: Path) -> AsyncIterator[Server]:
    run = socket_directory()
    child = Child(
        local_valkey.program(
            data=home / "valkey", run=run, log=home / "valkey.log", environ=os.environ
        )
    )
    await child.start()
    yield Server(local_valkey.url(run), child)
    await child.stop()
    discard(run)


@pytest.fixture(scope="session")
async def postgres(home: Path) -> AsyncIterator[Server]:
    run = socket_directory()
    data = home / "postgres"
    await local_postgres.prepare(data, {}, sync=False)
    child = Child(local_postgres.program(data=data, run=run, log=home / "postgres.log", environ={}))
    await child.start()
    yield Server(local_postgres.dsn(run, "postgres"), child)
    await child.stop()
    discard(run)


@pytest.fixture(scope="session")
async def s3(home: Path) -> AsyncIterator[ObjectStore]:
    endpoint = objectstore.listen(*objectstore.new_keys())
    program = objectstore.program(
        endpoint=endpoint, data=home / "s3", log=home / "s3.log", environ={}
    )
    child = Child(program)
    await child.start()
    yield ObjectStore(endpoint.url, endpoint.access_key, endpoint.secret_key, child)
    await child.stop()
    endpoint.close()


@pytest.fixture(scope="session")
async def s3_client(s3: ObjectStore) -> AsyncIterator[S3Client]:
    config = AioConfig(
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        signature_version="s3v4",
        s3={"addressing_style": "path"},
    )
    async with get_session().create_client(
        "s3",
        endpoint_url=s3.url,
        aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
        region_name="us-east-1",
        config=config,
    ) as client:
        yield client


@pytest.fixture
async def bucket(s3_client: S3Client) -> str:
    name = f"t{uuid.uuid4().hex[:12]}"
    await s3_client.create_bucket(Bucket=name)
    return name


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
def settings(
    valkey: Server, database: str, s3: ObjectStore, bucket: str, key_prefix: str
) -> Settings:
    return Settings(
        redis_url=valkey.url,
        postgres_dsn=database,
        s3_url=s3.url,
        s3_access_key=s3.access_key,
        s3_secret_key=s3.secret_key,
        s3_bucket=bucket,
        key_prefix=key_prefix,
    )
