"""Servers that went back in time: what was accepted is done, and nothing happens twice."""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from projector import recover
from projector.queries import FOLD
from streams.connection import connect
from streams.events import Event, LogRecovered
from streams.keys import Keys
from streams.log import Head, Log
from tests.echo.script import Act, Script, encode
from tests.faults import backups
from tests.faults.conftest import Api
from tests.faults.invariants import check
from tests.faults.rest import come_to_rest
from tests.faults.run import Run, running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
SHORT = bool(os.environ.get("DALSTON_SHORT"))
LONG = pytest.mark.long
SEEDS = (1,) if SHORT else (1, 2, 3)
BODY = encode(Script(acts={"transcribe": (Act(seconds=0.7),)}))
PROJECTORS = ("projector", "projector-2")


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    async with running(tmp_path_factory.mktemp("backups"), engines=2) as made:
        yield made


@pytest.fixture
async def api(run: Run) -> AsyncIterator[Api]:
    door = Api(run.stack.running.web.url)
    yield door
    await door.client.aclose()


async def steadily(api: Api, name: str, times: int) -> list[str]:
    """Jobs, one after another, as somebody who keeps at it submits them."""
    jobs = []
    for number in range(times):
        jobs.append(await api.submit(f"{name}-{number}", BODY))
        await asyncio.sleep(0.2)
    return jobs


async def finish(run: Run, api: Api, jobs: Sequence[str]) -> list[Event]:
    for job in jobs:
        view = await api.ends(job)
        assert view["status"] == "succeeded", view
    await come_to_rest(run)
    return await check(run.settings)


@asynccontextmanager
async def still_projectors(run: Run) -> AsyncIterator[None]:
    pids = [run.pid_of(name) for name in PROJECTORS]
    run.send(signal.SIGSTOP, pids)
    try:
        yield
    finally:
        run.send(signal.SIGCONT, pids)


async def archived(run: Run) -> int:
    connection = await asyncpg.connect(run.settings.postgres_dsn)
    seq = await connection.fetchval("SELECT seq FROM checkpoints WHERE name = $1", FOLD)
    await connection.close()
    return int(seq)


async def head_of(run: Run) -> Head:
    redis = connect(run.settings.redis_url)
    head = await Log(redis, Keys(run.settings.key_prefix)).head()
    await redis.aclose()
    assert head
    return head


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("fault", [backups.OldRedis(), backups.OldPostgres()], ids=lambda f: f.name)
async def test_a_server_put_back_by_seconds_loses_no_job(
    run: Run, api: Api, fault: backups.OldRedis | backups.OldPostgres, seed: int
) -> None:
    working = asyncio.create_task(steadily(api, f"{fault.name}-{seed}".replace(" ", "-"), 25))
    await asyncio.sleep(1)
    await run.inject(fault, random.Random(seed))
    await finish(run, api, await working)


@LONG
async def test_a_redis_that_went_back_and_on_past_the_archive_is_found_out(
    run: Run, api: Api
) -> None:
    async with run.alone("valkey"):
        copy = backups.copied_redis(run)
        jobs = await steadily(api, "before", 4)
        await finish(run, api, jobs)
        epoch = (await head_of(run)).epoch
        async with still_projectors(run):
            seq = await archived(run)
            async with backups.replaced(run, "valkey"):
                backups.put_redis(run, copy)
            number = 0
            while (await head_of(run)).seq < seq + 3:
                jobs.append(await api.submit(f"instead-{number}", BODY))
                number += 1
    events = await finish(run, api, jobs)
    assert (await head_of(run)).epoch > epoch
    assert [e for e in events if isinstance(e.fact, LogRecovered) and e.seq > seq]


@LONG
async def test_a_postgres_that_lost_its_unsynced_tail_reads_it_again(run: Run, api: Api) -> None:
    connection = await asyncpg.connect(run.settings.postgres_dsn)
    for setting in ("synchronous_commit = off", "wal_writer_delay = '10s'"):
        await connection.execute(f"ALTER SYSTEM SET {setting}")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
    await asyncio.sleep(0.5)
    jobs = await steadily(api, "tail", 6)
    async with run.alone("postgres"), still_projectors(run):
        before = await archived(run)
        async with backups.replaced(run, "postgres"):
            pass
        assert await archived(run) < before, "nothing was lost, so nothing is shown"
        connection = await asyncpg.connect(run.settings.postgres_dsn)
        await connection.execute("ALTER SYSTEM RESET ALL")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
    await finish(run, api, jobs)


@LONG
async def test_a_postgres_older_than_all_that_redis_holds_stops_the_fold_and_says_so(
    run: Run, api: Api
) -> None:
    async with run.alone("postgres"):
        backup = await backups.backed_up(run)
        await finish(run, api, await steadily(api, "gone", 3))
        redis = connect(run.settings.redis_url)
        log, head = Log(redis, Keys(run.settings.key_prefix)), await head_of(run)
        await log.trim(head.seq - 1)
        async with backups.replaced(run, "postgres"):
            backups.put_postgres(run, backup)
    async with asyncio.timeout(60), httpx.AsyncClient() as client:
        health = f"{run.stack.running.projector.health}/healthz"
        while "dalston recover" not in (await client.get(health)).text:
            await asyncio.sleep(0.2)
        assert "ArchiveBehind" in (await client.get(health)).text
        ready = await client.get(health.replace("healthz", "readyz"))
        assert ready.status_code == 503
    assert await log.first() == head.seq - 1, "nothing that Redis holds was thrown away"
    await redis.aclose()
    await recover.recover(run.settings, "somebody decided so")
    await finish(run, api, [await api.submit("afterwards", BODY)])
