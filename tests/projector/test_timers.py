"""Everything that time brings about, each with a worker that folds and a timer that ticks."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import OutOfMemoryError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bench import traffic
from projector import healing, submissions
from projector.leader import lead
from projector.submissions import Submission
from projector.timers import Timers
from streams import decide
from streams.commit import Ledger
from streams.events import EngineExpired, JobRequest
from streams.ids import new_id
from streams.job import Job
from streams.keys import Keys
from streams.log import Log
from streams.registry import Announcement, Registry
from streams.settings import Settings
from streams.work import Queue
from tests.projector.conftest import Start, caught_up, until
from tests.projector.engine import taken

PREPARE = "audio_prepare"


@pytest.fixture
async def connection(db: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    async with db.connect() as plain:
        yield await plain.execution_options(isolation_level="AUTOCOMMIT")


@pytest.fixture
def timers(settings: Settings, redis: Redis) -> Timers:
    """With a lease of a second, and past the pause after a start."""
    made = Timers(replace(settings, lease_s=1.0), redis)
    made._last = made._healed = time.monotonic()
    return made


async def job_of(ledger: Ledger, job_id: str) -> Job:
    job = await ledger.load(job_id)
    assert job
    return job


async def test_a_retry_begins_when_it_is_due(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, ledger: Ledger,
    log: Log,
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
    await timers.tick(connection)
    assert (await job_of(ledger, job.id)).stages["prepare"].status == "retrying"
    await asyncio.sleep(0.8)
    await timers.tick(connection)
    stage = (await job_of(ledger, job.id)).stages["prepare"]
    assert (stage.status, stage.token) == ("ready", 2)


async def test_a_silent_engines_task_begins_again_within_the_lease_and_a_tick(
    start: Start, connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger
) -> None:
    start()
    job = await traffic.submitted(ledger)
    await taken(redis, ledger, PREPARE, "audio_prepare@h-0")
    began = time.monotonic()

    async def again() -> bool:
        await timers.tick(connection)
        return (await job_of(ledger, job.id)).stages["prepare"].token == 2

    await until(again)
    assert 0.9 < time.monotonic() - began < 2
    assert (await job_of(ledger, job.id)).stages["prepare"].lost == 1
    ticket, _ = await taken(redis, ledger, PREPARE, "audio_prepare@h-1")
    assert ticket.token == 2


async def test_a_redis_without_memory_stops_the_timers_and_not_the_fold(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, redis: Redis,
    ledger: Ledger, log: Log, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    job = await traffic.submitted(ledger)
    await taken(redis, ledger, PREPARE, "audio_prepare@h-0")
    await redis.config_set("maxmemory", "1")
    try:
        start()
        await caught_up(db, log)
        await asyncio.sleep(1.1)
        timers._last = time.monotonic()
        with pytest.raises(OutOfMemoryError):
            await timers.tick(connection)
        assert "failed; it is tried again" not in caplog.text, "one word for all, not one for each"
    finally:
        await redis.config_set("maxmemory", "0")

    async def again() -> bool:
        await timers.tick(connection)
        return (await job_of(ledger, job.id)).stages["prepare"].token == 2

    await until(again)


async def test_a_lease_that_is_renewed_is_left_alone(
    start: Start, connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger
) -> None:
    start()
    job = await traffic.submitted(ledger)
    ticket, _ = await taken(redis, ledger, PREPARE, "audio_prepare@h-0")
    queue = Queue(redis, ledger, PREPARE)
    for _ in range(12):
        assert await queue.renew("audio_prepare@h-0", ticket) == "ok"
        await timers.tick(connection)
        await asyncio.sleep(0.2)
    assert (await job_of(ledger, job.id)).stages["prepare"].token == 1


async def test_after_a_pause_the_living_may_renew_before_anything_is_taken_away(
    start: Start, connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger
) -> None:
    start()
    job = await traffic.submitted(ledger)
    await taken(redis, ledger, PREPARE, "audio_prepare@h-0")
    await asyncio.sleep(1.5)  # nobody ticked, as when Redis was away
    await timers.tick(connection)
    assert (await job_of(ledger, job.id)).stages["prepare"].token == 1
    await asyncio.sleep(0.6)
    await timers.tick(connection)
    assert (await job_of(ledger, job.id)).stages["prepare"].token == 2


async def test_a_job_fails_at_its_deadline_and_not_before(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, ledger: Ledger,
    log: Log,
) -> None:  # fmt: skip
    start()
    soon = await traffic.submitted(ledger, request=JobRequest(deadline_s=0.3))
    later = await traffic.submitted(ledger, request=JobRequest(deadline_s=600))
    await caught_up(db, log)
    await asyncio.sleep(0.4)
    await timers.tick(connection)
    soon, later = await job_of(ledger, soon.id), await job_of(ledger, later.id)
    assert (soon.status, soon.reason[:21]) == ("failed", "the deadline passed b")
    assert later.status == "queued"


async def test_an_accepted_job_whose_event_is_missing_is_submitted_again_once(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, ledger: Ledger,
    log: Log,
) -> None:  # fmt: skip
    start()
    job_id = new_id()
    old = Submission(
        id=job_id, tenant="default", fingerprint="f", filename="a.wav",
        source=traffic.artifact(job_id, "source"), request=JobRequest(language="en"),
        accepted_at=datetime.now(UTC) - timedelta(seconds=6),
    )  # fmt: skip
    young = replace(old, id=new_id(), accepted_at=datetime.now(UTC))
    ahead = replace(old, id=new_id(), accepted_at=datetime.now(UTC) + timedelta(hours=1))
    async with db.begin() as c:
        await submissions.accept(c, old)
        await submissions.accept(c, young)
        await submissions.accept(c, ahead)  # by a web whose clock is
    await caught_up(db, log)
    await timers.tick(connection)
    assert (await job_of(ledger, job_id)).status == "queued"
    assert await ledger.load(young.id) is None
    assert (await job_of(ledger, ahead.id)).status == "queued"
    await caught_up(db, log)
    await timers.tick(connection)
    async with db.connect() as c:
        found = await submissions.find(c, job_id, "default")
    assert found
    assert found.landed
    assert (await job_of(ledger, job_id)).rev == 3


async def test_it_is_submitted_again_though_the_log_never_stands_still(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, ledger: Ledger,
    log: Log,
) -> None:  # fmt: skip
    job_id = new_id()
    lost = Submission(
        id=job_id, tenant="default", fingerprint="f", filename="a.wav",
        source=traffic.artifact(job_id, "source"), request=JobRequest(),
        accepted_at=datetime.now(UTC) - timedelta(seconds=6),
    )  # fmt: skip
    async with db.begin() as c:
        await submissions.accept(c, lost)
    await traffic.submitted(ledger)
    await timers.tick(connection)
    assert await ledger.load(job_id) is None  # nothing is folded: it may be on the log
    running = start()
    await caught_up(db, log)
    await running.stop()
    await traffic.submitted(ledger)
    await timers.tick(connection)  # the fold is behind, as ever, but past where it had to come
    assert (await job_of(ledger, job_id)).status == "queued"


async def test_a_replica_whose_heartbeat_stopped_is_told_expired_once(
    start: Start, connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger,
    log: Log,
) -> None:  # fmt: skip
    start()
    registry = Registry(redis, ledger.keys)
    name = "audio_prepare@gone-0"
    await registry.announce(
        Announcement(
            replica=name, engine=PREPARE, stage="prepare", version="1", host="gone", pid=1
        ),
        ttl_s=0.1,
    )
    await asyncio.sleep(1.2)
    await timers.tick(connection)
    await timers.tick(connection)
    facts = [event.fact for event in await log.read(0)]
    assert facts == [EngineExpired(engine=PREPARE, replica=name)]
    assert await registry.expired() == []


async def test_a_consumer_that_went_for_good_is_forgotten(
    connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger
) -> None:
    queue = Queue(redis, ledger, PREPARE)
    await queue.create()
    await queue.take("audio_prepare@gone-0", block_ms=10)
    await asyncio.sleep(2.1)
    timers._healed = -1e9
    await timers.tick(connection)
    assert await redis.xinfo_consumers(queue.key, Keys.GROUP) == []


async def test_a_backlog_that_stands_still_is_released(
    start: Start, connection: AsyncConnection, timers: Timers, redis: Redis, ledger: Ledger
) -> None:
    start()
    queue = Queue(redis, ledger, PREPARE)
    await queue.create()
    for _ in range(5):
        await traffic.submitted(ledger)
    await redis.xtrim(queue.key, 0)  # whoever did this also woke nobody
    await timers.tick(connection)
    assert await redis.xlen(queue.key) == 2


async def test_tasks_that_no_queue_holds_are_found_and_queued(
    start: Start, db: AsyncEngine, connection: AsyncConnection, timers: Timers, redis: Redis,
    ledger: Ledger, log: Log, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(healing, "PATIENCE", timedelta(0))
    start()
    ran = await traffic.submitted(ledger)
    await taken(redis, ledger, PREPARE, "audio_prepare@h-0")
    waits = await traffic.submitted(ledger)
    queued = await traffic.submitted(ledger)
    await caught_up(db, log)
    queue = Queue(redis, ledger, PREPARE)
    entries: Any = await redis.xrange(queue.key)
    keep = [fields for _, fields in entries if fields[b"job"] == queued.id.encode()]
    await redis.delete(*ledger.keys.engine(PREPARE))
    await queue.create()
    for fields in keep:
        await redis.xadd(queue.key, fields)
    timers._healed = -1e9
    await timers.tick(connection)
    await timers.tick(connection)
    assert (await job_of(ledger, ran.id)).stages["prepare"].token == 2
    assert (await job_of(ledger, waits.id)).stages["prepare"].token == 1
    got = []
    for _ in range(3):
        ticket, _ = await taken(redis, ledger, PREPARE, "audio_prepare@h-1")
        got.append((ticket.job, ticket.token))
    assert sorted(got) == sorted([(ran.id, 2), (waits.id, 1), (queued.id, 1)])


async def test_one_leads_and_another_takes_over_when_its_connection_dies(db: AsyncEngine) -> None:
    turns: list[str] = []

    async def work(name: str, connection: AsyncConnection) -> None:
        turns.append(name)
        while True:
            await connection.execute(text("SELECT 1"))
            await asyncio.sleep(0.05)

    lock = new_id()
    tasks = [asyncio.create_task(lead(db, lock, lambda c, n=n: work(n, c))) for n in ("a", "b")]  # type: ignore[misc]
    await asyncio.sleep(1.5)
    assert len(turns) == 1
    async with db.connect() as c:
        await c.execute(
            text("""
            SELECT pg_terminate_backend(pid) FROM pg_locks
            JOIN pg_database ON pg_database.oid = database
            WHERE locktype = 'advisory' AND granted AND datname = current_database()
        """)
        )

    async def taken_over() -> bool:
        return len(turns) > 1

    await until(taken_over)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
