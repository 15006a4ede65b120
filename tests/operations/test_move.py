"""To other servers while people go on working: steps as in docs/operations.md, nothing lost."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import asyncpg
import pytest
from msgspec.structs import replace

from infra.backup import dump
from infra.client import Client
from infra.local import objectstore, valkey
from infra.local import postgres as local_postgres
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from streams.artifacts import Artifacts
from streams.connection import connect
from streams.events import StageCompleted
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.operations.knocking import knocking
from tests.operations.parts import ENGINES, Parts
from tests.operations.rest import archived, at_rest

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.long,
]

READ_ONLY = """
    DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',
                       current_database());
    END $$;
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
"""
"""What docs/operations.md has people run on the old Postgres."""


@pytest.fixture
async def other_postgres(tmp_path: Path) -> AsyncIterator[str]:
    """The DSN of an empty database on a server of its own."""
    run, data = socket_directory(), tmp_path / "postgres"
    await local_postgres.prepare(data, {}, sync=False)
    server = Child(
        local_postgres.program(data=data, run=run, log=tmp_path / "postgres.log", environ={})
    )
    await server.start()
    await local_postgres.create_database(run, "dalston", {})
    yield local_postgres.dsn(run)
    await server.stop()
    discard(run)


@pytest.fixture
async def other_valkey(tmp_path: Path) -> AsyncIterator[str]:
    run = socket_directory()
    server = Child(
        valkey.program(data=tmp_path / "valkey", run=run, log=tmp_path / "v.log", environ={})
    )
    await server.start()
    yield valkey.url(run)
    await server.stop()
    discard(run)


@pytest.fixture
async def other_s3(settings: Settings, tmp_path: Path) -> AsyncIterator[Settings]:
    """The same settings but for another endpoint, other keys, another bucket."""
    endpoint = objectstore.listen(*objectstore.new_keys())
    server = Child(
        objectstore.program(
            endpoint=endpoint, data=tmp_path / "s3", log=tmp_path / "s3.log", environ={}
        )
    )
    await server.start()
    own = replace(
        settings, s3_url=endpoint.url, s3_access_key=endpoint.access_key,
        s3_secret_key=endpoint.secret_key, s3_bucket="elsewhere",
    )  # fmt: skip
    async with Artifacts(own) as artifacts:
        await artifacts.create_bucket()
    yield own
    await server.stop()
    endpoint.close()


async def test_to_another_postgres_while_engines_work_and_the_web_says_503(
    parts: Parts, settings: Settings, other_postgres: str, tmp_path: Path
) -> None:
    engines = {name: parts.running[name].pid for name in ENGINES}
    async with knocking(parts.url) as client:
        await client.more(4)
        await parts.stop("projector")
        old = await asyncpg.connect(settings.postgres_dsn)
        await old.execute(READ_ONLY)
        before = len(client.accepted)
        await until(lambda: client.statuses[503] > 0)
        async with Client(parts.url) as reader:
            assert await reader.jobs()  # what is there can be read
        await old.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        snapshot = await old.fetchval("SELECT pg_export_snapshot()")
        await dump.dump(settings.postgres_dsn, snapshot, tmp_path / "dump", {})
        await dump.load(other_postgres, tmp_path / "dump", {})
        await old.close()
        assert len(client.accepted) == before
        moved = replace(settings, postgres_dsn=other_postgres)
        await parts.stop("web")
        await parts.start(moved, "projector", "web")
        await client.more(4)
    said = await client.transcripts()
    assert set(said.values()) == {"said while it moved\n"}
    assert {name: parts.running[name].pid for name in ENGINES} == engines
    await at_rest(moved)


async def test_to_another_redis_with_the_archive_at_hand(
    parts: Parts, settings: Settings, other_valkey: str
) -> None:
    async with knocking(parts.url) as client:
        await client.more(4)
        await parts.stop("web", *ENGINES)
        redis = connect(settings.redis_url)
        head = await Log(redis, Keys(settings.key_prefix)).head()
        assert head
        await archived(settings, head.seq)
        await parts.stop("projector")
        assert await Log(redis, Keys(settings.key_prefix)).head() == head
        await redis.aclose()
        moved = replace(settings, redis_url=other_valkey)
        await parts.start(moved, "projector", "web", *ENGINES)
        await client.more(4)
    assert set((await client.transcripts()).values()) == {"said while it moved\n"}
    events = await at_rest(moved)
    assert {event.epoch for event in events} == {1, 2}


async def test_to_another_s3_and_bucket_with_old_transcripts_as_they_were(
    parts: Parts, settings: Settings, other_s3: Settings, tmp_path: Path
) -> None:
    async with knocking(parts.url) as client:
        await client.more(4)
        await sync(settings, other_s3, tmp_path)
        await parts.stop("web", *ENGINES)
        await sync(settings, other_s3, tmp_path)
        await parts.stop("projector")
        await parts.start(other_s3, "projector", "web", *ENGINES)
        await client.more(4)
    assert set((await client.transcripts()).values()) == {"said while it moved\n"}
    events = await at_rest(other_s3)
    buckets = {
        event.fact.output.uri.split("/")[2]
        for event in events
        if isinstance(event.fact, StageCompleted)
    }
    assert buckets == {settings.s3_bucket, "elsewhere"}
    async with Client(parts.url) as reader:
        assert len(await reader.search("moved", limit=100)) >= len(client.accepted) - 8


async def sync(old: Settings, new: Settings, tmp_path: Path) -> None:
    """What `aws s3 sync` or `rclone sync` does: copy the keys that are not there yet."""
    async with Artifacts(old) as source, Artifacts(new) as target:
        there = {key async for key in target.keys("jobs/")}
        async for key in source.keys("jobs/"):
            if key not in there:
                path = tmp_path / hashlib.sha256(key.encode()).hexdigest()
                made = await source.copy_to(key, path)
                await target.put_file(key, path, made.media_type)


async def until(true: Callable[[], bool], *, seconds: float = 240) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.05)
