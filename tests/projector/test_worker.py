"""The fold under load, doubled, starved, and with its log tampered with."""

import asyncio

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from infra.doctor.postgres import lag
from projector import ended, queries
from projector.ended import KEPT_S
from projector.recover import recover
from streams.commit import Ledger
from streams.errors import UnreadableEvent
from streams.events import FACTS, EngineRegistered
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.projector.conftest import Start, archived_jobs, caught_up, projected_jobs, until


async def test_the_projection_is_the_pure_fold_of_the_archive(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()
    await traffic.many(ledger, 40)
    job = await traffic.started(ledger, await traffic.submitted(ledger), "prepare")
    assert await caught_up(db, log) == 40 * traffic.EVENTS_A_JOB + 4
    jobs = await archived_jobs(db)
    assert jobs == await projected_jobs(db)
    assert jobs[job.id] == job == await ledger.load(job.id)


async def test_the_state_of_an_ended_job_leaves_redis_soon_after_it_is_archived(
    start: Start, db: AsyncEngine, redis: Redis, ledger: Ledger, log: Log, keys: Keys
) -> None:
    gone, going = await traffic.succeeded(ledger), await traffic.submitted(ledger)
    key, limit = keys.job(gone.id), KEPT_S * 1000
    assert await redis.pttl(key) > limit
    start()
    await caught_up(db, log)

    async def shortened() -> bool:
        return 0 < await redis.pttl(key) <= limit

    await until(shortened)
    assert await redis.pttl(keys.job(going.id)) == -1
    await redis.pexpire(key, 1000)
    await ended.let_go(redis, keys, [gone])
    assert await redis.pttl(key) <= 1000


async def test_the_archive_is_the_log_event_for_event(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()
    await traffic.many(ledger, 5)
    await caught_up(db, log)
    async with db.connect() as c:
        assert await queries.events(c) == await log.read(0)


async def test_stages_have_a_row_each_that_says_where_they_stand(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()
    job = await traffic.submitted(ledger)
    await traffic.finished(ledger, await traffic.started(ledger, job, "prepare"), "prepare")
    await caught_up(db, log)
    async with db.connect() as c:
        rows = (await c.execute(text("SELECT stage, status, token, audio_s FROM stages"))).all()
        length = await c.scalar(text("SELECT audio_s FROM jobs"))
    assert set(map(tuple, rows)) == {
        ("prepare", "completed", 1, 30.0),
        ("transcribe", "ready", 1, None),
        ("merge", "pending", 0, None),
    }
    assert length == 30.0


async def test_two_projectors_at_once_change_nothing(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    for _ in range(3):
        start()
    await traffic.many(ledger, 60)
    assert await caught_up(db, log) == 60 * traffic.EVENTS_A_JOB
    assert await archived_jobs(db) == await projected_jobs(db)


async def test_a_projector_that_starts_late_takes_in_what_it_missed(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    await traffic.many(ledger, 10)
    first = start()
    await caught_up(db, log)
    await first.stop()
    await traffic.many(ledger, 10)
    start()
    await caught_up(db, log)
    assert await archived_jobs(db) == await projected_jobs(db)


async def test_the_log_keeps_its_window_and_loses_nothing_before_it_is_archived(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    await traffic.many(ledger, 100)
    assert await log.first() == 1  # nobody archived it: it stays, however long
    start(replace(settings, log_window=100))
    seq = await caught_up(db, log)

    async def trimmed() -> bool:
        return await log.first() == seq - 99

    await until(trimmed)
    assert len(await archived_jobs(db)) == 100


async def test_a_type_of_tomorrow_is_archived_counted_and_passed_over(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    start()
    job = await traffic.submitted(ledger)
    await foreign(redis, keys, job.id, "job.praised", b'{"by":"all"}')
    await foreign(redis, keys, job.id, "stage.completed", b'{"stage":7}')
    await foreign(redis, keys, "hook", "webhook.delivered", b"{}")
    await ledger.append("toy@h-0", EngineRegistered(
        engine="toy", stage="x", engine_version="1", replica="toy@h-0"))  # fmt: skip
    await caught_up(db, log)
    async with db.connect() as c:
        counted = (await c.execute(text("SELECT type, count, last_seq FROM unknown_events"))).all()
        assert await c.scalar(text("SELECT count(*) FROM events")) == 7
    assert set(map(tuple, counted)) == {
        ("job.praised", 1, 4), ("stage.completed", 1, 5), ("webhook.delivered", 1, 6),
    }  # fmt: skip
    assert "job.praised" not in FACTS
    assert (await projected_jobs(db))[job.id].status == "queued"


async def foreign(redis: Redis, keys: Keys, job: str, kind: str, data: bytes) -> None:
    """An event that some other version's writer appended, with its fields in another order."""
    seq, prev = await redis.hmget(keys.head, ["seq", "id"])
    assert seq is not None
    number, event_id = int(seq) + 1, f"{kind}-{job}"[:40]
    fields = {
        "data": data, "meta": b"{}", "id": event_id, "type": kind, "job": job, "rev": 4,
        "time": "2026-03-01T12:00:00.000000Z", "tenant": "default", "prev": prev, "epoch": 1,
    }  # fmt: skip
    await redis.xadd(keys.log, fields, id=f"{number}-0")  # type: ignore[arg-type]
    await redis.hset(keys.head, mapping={"seq": number, "id": event_id})


async def test_an_entry_that_is_no_event_stops_the_fold_aloud_and_loses_nothing_before_it(
    start: Start, settings: Settings, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger,
    log: Log,
) -> None:  # fmt: skip
    running = start()
    job = await traffic.submitted(ledger)
    await caught_up(db, log)
    await redis.xadd(keys.log, {"by": "hand"}, id="4-0")
    await redis.hset(keys.head, mapping={"seq": 4, "id": "by hand"})
    after = await traffic.submitted(ledger)

    async def stands() -> bool:
        return "entry 4-0 of the log cannot be read" in str(running.worker.trouble)

    await until(stands)
    assert "`dalston recover`" in str(running.worker.trouble)
    await running.stop()
    running = start()  # no restart gets past it
    await until(stands)
    with pytest.raises(UnreadableEvent, match="entry 4-0"):
        await log.read(3)
    async with db.connect() as c:
        findings = [await lag(db, redis, settings)]
        assert (await queries.checkpoint(c)).seq == 3
    assert [(one.level, "entry 4-0" in one.detail) for one in findings] == [("fail", True)]
    assert "dalston recover" in findings[0].cure
    await recover(settings, "an entry that is no event")
    await caught_up(db, log)
    assert set(await archived_jobs(db)) == {job.id}, f"{after.id} is submitted again by its row"


async def test_a_hole_in_the_log_stops_the_fold_and_recovers(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    running = start()
    job = await traffic.submitted(ledger)
    await caught_up(db, log)
    await running.stop()
    await traffic.succeeded(ledger)
    await redis.xdel(keys.log, "5-0")
    running = start()
    await caught_up(db, log)
    assert len(running.reasons) == 1
    assert "event 6" in running.reasons[0] or "events 5 to 5" in running.reasons[0]
    head = await log.head()
    assert head is not None
    assert head.epoch == 2
    assert job.id in await archived_jobs(db)


async def test_postgres_that_ends_every_connection_loses_nothing(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()

    async def cut() -> None:
        for _ in range(5):
            await asyncio.sleep(0.1)
            async with db.connect() as c:
                await c.execute(text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"))  # fmt: skip

    await asyncio.gather(traffic.many(ledger, 100), cut())
    await caught_up(db, log)
    assert await archived_jobs(db) == await projected_jobs(db)
