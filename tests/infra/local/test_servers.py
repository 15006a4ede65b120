"""Embedded Valkey, Postgres and S3: what they promise, killed for real."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from infra.local.child import Child
from infra.local.errors import AlreadyRunning, BinaryMissing, LocalError
from infra.local.home import Home, is_alive
from infra.local.options import Options
from infra.local.postgres import binary as postgres_binary
from infra.local.servers import Servers
from infra.local.steps import ignore
from infra.local.valkey import binary as valkey_binary
from streams.settings import Settings


@asynccontextmanager
async def serving(path: Path, **options: str) -> AsyncIterator[Servers]:
    """The three servers on a home of their own."""
    home = Home(path)
    await home.acquire()
    chosen = Options(home=path, environ={"PATH": os.defpath}, **options)  # type: ignore[arg-type]
    servers = Servers(home, chosen, ignore)
    try:
        await servers.start()
        yield servers
    finally:
        await servers.stop()
        home.release()


async def kill(child: Child) -> None:
    """Kill a server, and wait until it is up again."""
    old = child.pid
    assert old
    os.kill(old, signal.SIGKILL)
    async with asyncio.timeout(20):
        while child.pid in (None, old) or not await child.program.ready():
            await asyncio.sleep(0.01)


async def test_valkey_acknowledges_only_what_is_on_disk(redis: Redis) -> None:
    found = await redis.config_get("append*", "maxmemory-policy")
    assert found["appendonly"] == "yes"
    assert found["appendfsync"] == "always"
    assert found["maxmemory-policy"] == "noeviction"


async def test_each_test_has_an_empty_database_of_its_own(database: str) -> None:
    connection = await asyncpg.connect(database)
    assert await connection.fetch("select * from pg_tables where schemaname = 'public'") == []
    assert await connection.fetchval("show fsync") == "on"
    await connection.close()


async def test_settings_name_all_servers(settings: Settings, s3_client: Any) -> None:
    assert settings.redis_url.startswith("unix:///")
    buckets = (await s3_client.list_buckets())["Buckets"]
    assert settings.s3_bucket in [bucket["Name"] for bucket in buckets]


async def test_valkey_killed_at_any_time_keeps_each_acknowledged_write(tmp_path: Path) -> None:
    async with serving(tmp_path) as servers:
        acknowledged = 0
        for _ in range(3):
            writing = asyncio.create_task(append(servers.settings.redis_url, acknowledged))
            await asyncio.sleep(0.1)
            await kill(servers.children["valkey"])
            acknowledged += await writing
        async with Redis.from_url(servers.settings.redis_url, protocol=2) as redis:
            entries = await redis.xrange("log") or []
        kept = {int(fields[b"n"]) for _, fields in entries if fields}
        # The write that was under way may be there as well, but nothing acknowledged is missing.
        assert set(range(acknowledged)) <= kept
        assert acknowledged > 10


async def append(url: str, first: int) -> int:
    """Append numbers from `first` on until the server is gone; how many it acknowledged."""
    count = 0
    async with Redis.from_url(url, protocol=2, retry=None) as redis:
        with suppress(RedisConnectionError):
            while True:
                await redis.xadd("log", {"n": str(first + count)})
                count += 1
    return count


async def test_postgres_comes_back_after_a_kill_with_all_that_was_committed(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path) as servers:
        for n in range(2):
            connection = await asyncpg.connect(servers.settings.postgres_dsn)
            await connection.execute("CREATE TABLE IF NOT EXISTS t (n int)")
            await connection.execute("INSERT INTO t VALUES ($1)", n)
            await kill(servers.children["postgres"])
            connection.terminate()
        connection = await asyncpg.connect(servers.settings.postgres_dsn)
        rows = await connection.fetch("SELECT n FROM t ORDER BY n")
        assert [row["n"] for row in rows] == [0, 1]
        assert await connection.fetchval("SHOW data_checksums") == "on"
        await connection.close()


async def test_two_sets_of_servers_live_side_by_side_and_all_state_is_in_their_homes(
    tmp_path: Path,
) -> None:
    async with serving(tmp_path / "a") as a, serving(tmp_path / "b") as b:
        for servers, name in ((a, "a"), (b, "b")):
            async with Redis.from_url(servers.settings.redis_url, protocol=2) as redis:
                await redis.set("name", name)
        async with Redis.from_url(a.settings.redis_url, protocol=2) as redis:
            assert await redis.get("name") == b"a"
        assert a.settings.s3_secret_key != b.settings.s3_secret_key
        sockets = Path(urlsplit(a.settings.redis_url).path).parent
        assert sockets.stat().st_mode & 0o777 == 0o700
        pids = [child.pid for servers in (a, b) for child in servers.children.values()]
    assert not any(is_alive(pid) for pid in pids if pid)
    assert not sockets.exists()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [
        *("lock", "logs", "postgres", "s3", "valkey"),
    ]


async def test_a_home_serves_one_stack_at_a_time(tmp_path: Path) -> None:
    first, second = Home(tmp_path), Home(tmp_path)
    await first.acquire()
    with pytest.raises(AlreadyRunning, match=f"already running, pid {os.getpid()}"):
        await second.acquire()
    first.release()
    await second.acquire()
    second.release()
    assert not second.is_locked()


@pytest.mark.parametrize(
    ("option", "url", "complaint"),
    [
        ("valkey", "redis://127.0.0.1:1/0", r"--valkey 127\.0\.0\.1: nobody answers"),
        ("valkey", "localhost", "no address such as redis://"),
        ("postgres", "postgresql:///d?host=/nowhere", "--postgres /nowhere.*: nobody answers"),
        ("s3", "ftp://host", "no address such as http://"),
    ],
)
async def test_an_address_where_nobody_answers_is_named(
    tmp_path: Path, option: str, url: str, complaint: str
) -> None:
    with pytest.raises(ExceptionGroup) as error:
        async with serving(tmp_path, **{option: url}):
            pass
    assert error.group_contains(LocalError, match=complaint)


async def test_real_servers_can_take_the_place_of_embedded_ones(
    tmp_path: Path, valkey: Any, database: str, s3: Any
) -> None:
    home = Home(tmp_path)
    await home.acquire()
    keys = {"DALSTON_S3_ACCESS_KEY": s3.access_key, "DALSTON_S3_SECRET_KEY": s3.secret_key}
    options = Options(
        home=tmp_path,
        environ={"PATH": os.defpath, "DALSTON_S3_BUCKET": "elsewhere", **keys},
        valkey=valkey.url,
        postgres=database,
        s3=s3.url,
    )
    servers = Servers(home, options, ignore)
    await servers.start()
    assert not servers.children
    assert servers.settings.redis_url == valkey.url
    assert servers.settings.postgres_dsn == database
    assert servers.settings.s3_url == s3.url
    await servers.stop()
    home.release()
    assert (tmp_path / "lock").exists()
    assert not (tmp_path / "valkey").exists()


def test_a_binary_that_is_not_there_is_named_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(BinaryMissing, match="DALSTON_VALKEY_SERVER=/no is no executable"):
        valkey_binary({"DALSTON_VALKEY_SERVER": "/no"})
    with pytest.raises(BinaryMissing, match="holds no executable initdb"):
        postgres_binary("initdb", {"DALSTON_POSTGRES_BIN": str(tmp_path)})
