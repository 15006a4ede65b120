"""Servers that go away while jobs run: their own Valkey and Postgres, killed and started again."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from bench import traffic
from infra.local import postgres as local_postgres
from infra.local import valkey as local_valkey
from infra.local.child import Child, Program
from infra.local.home import discard, socket_directory
from projector import database
from streams.commit import Ledger
from streams.connection import connect
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings
from tests.projector.conftest import Running, archived_jobs, caught_up, projected_jobs, until


class Servers:
    """A Valkey and a Postgres that a test may hurt."""

    def __init__(self, home: Path, run: Path) -> None:
        self._programs: dict[str, Program] = {
            "valkey": local_valkey.program(
                data=home / "valkey", run=run, log=home / "valkey.log", environ={}
            ),
            "postgres": local_postgres.program(
                data=home / "postgres", run=run, log=home / "postgres.log", environ={}
            ),
        }
        self._children: dict[str, Child] = {}
        self.settings = Settings(
            redis_url=local_valkey.url(run), postgres_dsn=local_postgres.dsn(run, "postgres")
        )

    async def start(self, name: str) -> None:
        self._children[name] = Child(self._programs[name])
        await self._children[name].start()

    async def stop(self, name: str) -> None:
        await self._children.pop(name).stop()

    async def stop_all(self) -> None:
        for name in list(self._children):
            await self.stop(name)


@pytest.fixture
async def servers(tmp_path: Path) -> AsyncIterator[Servers]:
    run = socket_directory()
    await local_postgres.prepare(tmp_path / "postgres", {}, sync=False)
    made = Servers(tmp_path, run)
    await made.start("valkey")
    await made.start("postgres")
    yield made
    await made.stop_all()
    discard(run)


@pytest.mark.parametrize("name", ["valkey", "postgres"])
async def test_a_server_that_is_away_for_a_while_delays_and_loses_nothing(
    servers: Servers, name: str
) -> None:
    own = servers.settings
    await database.migrate(own)
    db = database.engine(own)
    running = Running(own, db)
    redis = connect(own.redis_url)
    keys = Keys(own.key_prefix)
    log, ledger = Log(redis, keys), Ledger(redis, keys)

    async def begun() -> bool:
        return await log.head() is not None

    await until(begun)
    writing = asyncio.create_task(traffic.many(ledger, 300, at_once=8))
    await asyncio.sleep(0.4)
    await servers.stop(name)
    await asyncio.sleep(2.0)
    troubled = running.worker.trouble
    await servers.start(name)
    await writing
    await caught_up(db, log, seconds=40)
    jobs = await archived_jobs(db)
    assert [job.status for job in jobs.values()] == ["succeeded"] * 300
    assert jobs == await projected_jobs(db)
    assert troubled
    assert running.worker.trouble is None
    assert running.reasons == []
    await running.stop()
    await redis.aclose()
    await db.dispose()


async def test_in_the_ha_profile_nothing_is_archived_that_no_replica_has(
    servers: Servers, tmp_path: Path
) -> None:
    own = replace(servers.settings, profile="ha")
    await database.migrate(own)
    db = database.engine(own)
    redis = connect(own.redis_url)
    keys = Keys(own.key_prefix)
    log, ledger = Log(redis, keys), Ledger(redis, keys)
    await log.create(Head(0, "", 1))
    await traffic.succeeded(ledger)
    running = Running(own, db)

    async def refused() -> bool:
        return "no replica of Redis" in (running.worker.trouble or "")

    await until(refused)
    assert running.worker.at.seq == 0
    port = free_port()
    await redis.config_set("port", port)
    run = socket_directory()
    replica = Child(
        local_valkey.program(data=tmp_path / "r", run=run, log=tmp_path / "r.log", environ={})
    )
    await replica.start()
    async with Redis.from_url(local_valkey.url(run), protocol=2) as client:
        await client.execute_command("REPLICAOF", "127.0.0.1", port)  # type: ignore[no-untyped-call]
        assert await caught_up(db, log) == traffic.EVENTS_A_JOB
        assert await client.xlen(keys.log) == traffic.EVENTS_A_JOB
    await running.stop()
    await replica.stop()
    discard(run)
    await redis.aclose()
    await db.dispose()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
