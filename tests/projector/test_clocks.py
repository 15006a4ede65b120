"""Redis's clock, by which all goes, jumps by an hour: nothing stands still for so long."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench import traffic
from infra.local import valkey as local_valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from projector.timers import Timers
from streams import decide
from streams.commit import Ledger
from streams.keys import Keys
from streams.log import Log
from streams.registry import TTL_S, Announcement, Registry
from streams.settings import Settings
from streams.work import Queue
from tests.conftest import Server
from tests.faults.clocks import Clock
from tests.projector.conftest import Start, caught_up
from tests.projector.engine import taken

pytestmark = pytest.mark.faults

HOUR = 3600.0
PREPARE = "audio_prepare"
OWNER = f"{PREPARE}@h-0"
LEASE_S = 2.0


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock") / "ahead")


@pytest.fixture(scope="module")
async def valkey(clock: Clock, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """In place of the session's: one that goes by the clock."""
    home, run = tmp_path_factory.mktemp("valkey"), socket_directory()
    program = local_valkey.program(data=home / "data", run=run, log=home / "log", environ={})
    child = Child(program)
    clock.give(child)
    await child.start()
    yield Server(local_valkey.url(run), child)
    await child.stop()
    discard(run)


@pytest.fixture(autouse=True)
async def right(clock: Clock, redis: Redis) -> None:
    """Each test begins with the right time."""
    await jump(clock, redis, 0)


@pytest.fixture
def timers(settings: Settings, redis: Redis) -> Timers:
    made = Timers(replace(settings, lease_s=LEASE_S), redis)
    made._last = time.monotonic()
    return made


@pytest.fixture
async def connection(db: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with db.connect() as plain:
        yield await plain.execution_options(isolation_level="AUTOCOMMIT")


async def jump(clock: Clock, redis: Redis, by: float) -> None:
    """Jump, and return once the server has seen it: it looks at its clock now and then."""
    clock.jump(by)
    async with asyncio.timeout(10):
        while abs((await redis.time())[0] - time.time() - by) > 1.5:
            await asyncio.sleep(0.01)


async def token_of(ledger: Ledger, job_id: str) -> int:
    job = await ledger.load(job_id)
    assert job
    return job.stages["prepare"].token


async def test_the_task_of_a_dead_engine_begins_again_though_the_clock_went_back(
    start: Start, connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger,
    clock: Clock,
) -> None:  # fmt: skip
    start()
    job = await traffic.submitted(ledger)
    await taken(redis, ledger, PREPARE, OWNER)
    await timers.tick(connection)
    await jump(clock, redis, -HOUR)
    async with asyncio.timeout(20):
        while await token_of(ledger, job.id) == 1:
            await timers.tick(connection)
            await asyncio.sleep(0.1)


async def test_a_living_engine_keeps_its_task_when_the_clock_is_put_forward(
    start: Start, connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger,
    clock: Clock,
) -> None:  # fmt: skip
    start()
    job = await traffic.submitted(ledger)
    ticket, _ = await taken(redis, ledger, PREPARE, OWNER)
    queue = Queue(redis, ledger, PREPARE)
    await timers.tick(connection)
    await jump(clock, redis, HOUR)
    for _ in range(30):
        await timers.tick(connection)
        await asyncio.sleep(0.1)
        assert await queue.renew(OWNER, ticket) == "ok"
    assert await token_of(ledger, job.id) == 1


async def test_a_retry_is_not_put_off_by_an_hour(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, ledger: Ledger,
    log: Log, clock: Clock, redis: Redis,
) -> None:  # fmt: skip
    start()
    job = await traffic.started(ledger, await traffic.submitted(ledger), "prepare")
    await ledger.transition(
        job.id,
        lambda job, now: decide.fail(
            job, stage="prepare", token=1, kind="error", reason="oops", now=now, chance=0.0
        ),
    )
    await caught_up(db, log)
    await jump(clock, redis, -HOUR)
    await timers.tick(connection)
    assert await token_of(ledger, job.id) == 2


async def test_a_task_that_no_queue_holds_is_healed_though_it_is_of_the_future(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, ledger: Ledger,
    log: Log, clock: Clock, redis: Redis, keys: Keys,
) -> None:  # fmt: skip
    start()
    await traffic.submitted(ledger)
    await caught_up(db, log)
    await redis.delete(keys.queue(PREPARE))
    await jump(clock, redis, -HOUR)
    async with asyncio.timeout(20):
        while not await redis.exists(keys.queue(PREPARE)):
            timers._healed = -1e9
            await timers.tick(connection)
            await asyncio.sleep(0.1)


async def test_a_dead_replica_expires_though_the_clock_went_back(
    redis: Redis, keys: Keys, clock: Clock
) -> None:
    registry = Registry(redis, keys)
    await registry.announce(
        Announcement(replica=OWNER, engine=PREPARE, stage="prepare", version="1", host="h", pid=1)
    )
    await jump(clock, redis, -HOUR)
    assert await registry.expired() == []
    await jump(clock, redis, -HOUR + TTL_S + 2)
    assert await registry.expired() == [OWNER]
    assert await registry.alive() == []
