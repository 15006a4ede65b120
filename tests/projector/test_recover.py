"""Redis wiped, gone back in time, ahead of the archive: the archive wins and every job goes on."""

from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from projector.continuity import broken
from projector.errors import ArchiveMissing, FoldedByNewer
from projector.queries import Checkpoint
from projector.recover import Recovery, recover
from projector.restore import restore_job
from streams import decide
from streams.commit import Ledger
from streams.errors import Fenced, LogMissing
from streams.events import LogRecovered
from streams.job import Job, floor_of
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings
from streams.work import Queue
from tests.projector.conftest import Start, archived_jobs, caught_up, projected_jobs, until
from tests.projector.engine import taken

Kept = dict[bytes, Any]


async def saved(redis: Redis, keys: Keys) -> Kept:
    """All keys of the partition, as a backup would hold them."""
    return {name: await redis.dump(name) async for name in redis.scan_iter(f"{keys.base}:*")}


async def rolled_back(redis: Redis, keys: Keys, kept: Kept) -> None:
    """Redis as it was when the backup was taken."""
    async for name in redis.scan_iter(f"{keys.base}:*"):
        await redis.delete(name)
    for name, value in kept.items():
        await redis.restore(name, 0, value)


async def outcome(ledger: Ledger, job: Job) -> tuple[str, str, int]:
    """How the first two stages of a job do, and the token of the second."""
    now = await ledger.load(job.id)
    assert now
    prepare, transcribe = now.stages["prepare"], now.stages["transcribe"]
    return prepare.status, transcribe.status, transcribe.token


async def test_an_empty_stack_begins_its_log(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, log: Log
) -> None:
    start()

    async def begun() -> bool:
        return await log.head() == Head(0, "", 1)

    await until(begun)
    await traffic.succeeded(Ledger(redis, keys))
    assert await caught_up(db, log) == traffic.EVENTS_A_JOB


async def test_a_wiped_redis_comes_back_and_every_job_goes_on(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    running = start()
    over = await traffic.succeeded(ledger)
    waits = await traffic.submitted(ledger)
    ticket, runs = await taken(redis, ledger, "audio_prepare", "audio_prepare@h-0")
    assert runs.id == waits.id
    await caught_up(db, log)
    await redis.hset("someone:else", "a", "b")
    async for name in redis.scan_iter(f"{keys.base}:*"):
        await redis.delete(name)

    async def recovered() -> bool:
        return bool(running.reasons)

    await until(recovered)
    await caught_up(db, log)
    assert await archived_jobs(db) == await projected_jobs(db)
    assert await ledger.load(over.id) is None  # it has ended: Postgres keeps it
    again = await ledger.load(ticket.job)
    assert again
    assert again.stages["prepare"].token == floor_of(2) + 1
    assert await redis.hget("someone:else", "a") == b"b"
    await redis.delete("someone:else")
    first = (await log.read(0))[0]
    assert isinstance(first.fact, LogRecovered)
    assert (first.epoch, first.seq) == (2, first.fact.at_seq + 1)
    with pytest.raises(Fenced):
        await traffic.finished(ledger, runs, "prepare")
    ticket, job = await taken(redis, ledger, "audio_prepare", "audio_prepare@h-1")
    assert ticket.token == floor_of(2) + 1
    await traffic.finished(ledger, job, "prepare")


async def test_a_redis_that_went_back_in_time_is_brought_up_to_the_archive(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    running = start()
    job = await traffic.submitted(ledger)
    await caught_up(db, log)
    before = await saved(redis, keys)
    job = await traffic.finished(ledger, await traffic.started(ledger, job, "prepare"), "prepare")
    await caught_up(db, log)
    await rolled_back(redis, keys, before)

    async def recovered() -> bool:
        return bool(running.reasons)

    await until(recovered)
    assert running.reasons == ["the log ends at event 3, the archive at 6"]
    assert await outcome(ledger, job) == ("completed", "ready", floor_of(2) + 1)


async def test_a_redis_that_went_back_and_wrote_on_loses_what_it_wrote(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    running = start()
    job = await traffic.submitted(ledger)
    await caught_up(db, log)
    before = await saved(redis, keys)
    job = await traffic.finished(ledger, await traffic.started(ledger, job, "prepare"), "prepare")
    await caught_up(db, log)
    await running.stop()
    await rolled_back(redis, keys, before)
    strangers = [await traffic.submitted(ledger) for _ in range(3)]
    report = await Recovery(db, redis, keys).mend("it went back")
    assert report
    assert (report.dropped, report.at_seq, report.epoch) == (9, 6, 2)
    assert await outcome(ledger, job) == ("completed", "ready", floor_of(2) + 1)
    assert await ledger.load(strangers[0].id) is None
    start()
    await caught_up(db, log)
    assert set(await archived_jobs(db)) == {job.id}


async def test_writers_are_refused_while_redis_is_empty(
    settings: Settings, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await redis.delete(keys.head)
    with pytest.raises(LogMissing):
        await traffic.submitted(ledger)
    told: list[str] = []
    await recover(settings, "by hand", lambda what, _done, _of: told.append(what))
    await traffic.submitted(ledger)


async def test_recovery_by_hand_works_on_a_healthy_log_and_says_what_it_did(
    settings: Settings, start: Start, db: AsyncEngine, redis: Redis, ledger: Ledger, log: Log
) -> None:
    start()
    await traffic.submitted(ledger)
    await traffic.submitted(ledger)
    await taken(redis, ledger, "audio_prepare", "audio_prepare@h-0")
    await caught_up(db, log)
    report = await recover(settings, "a drill")
    assert (report.jobs, report.requeued, report.restarted, report.dropped) == (2, 1, 1, 0)
    await caught_up(db, log)
    depth = await Queue(redis, ledger, "audio_prepare").depth()
    assert (depth.waiting, depth.running) == (2, 0)
    assert await archived_jobs(db) == await projected_jobs(db)


async def test_two_projectors_recover_once(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    both = [start(), start()]
    await traffic.submitted(ledger)
    await caught_up(db, log)
    async for name in redis.scan_iter(f"{keys.base}:*"):
        await redis.delete(name)

    async def recovered() -> bool:
        return any(one.reasons for one in both)

    await until(recovered)
    await caught_up(db, log)
    head = await log.head()
    assert head
    assert head.epoch == 2
    assert sum(len(one.reasons) for one in both) == 1


async def test_a_database_of_another_stack_is_refused(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    await traffic.succeeded(ledger)
    await log.trim(5)
    with pytest.raises(ArchiveMissing, match="does not belong to this Redis"):
        await broken(log, Checkpoint())


async def test_the_state_of_an_ended_job_comes_back_to_be_erased(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    start()
    job = await traffic.succeeded(ledger)
    await caught_up(db, log)
    await redis.delete(keys.job(job.id))
    async with db.connect() as c:
        assert await restore_job(ledger, c, job.id) == job
        assert await redis.pttl(keys.job(job.id)) > 0
        assert await restore_job(ledger, c, "unknown") is None
    done = await ledger.transition(job.id, lambda job, _: decide.erase(job))
    assert done.job
    assert done.job.erased
    async with db.connect() as c:  # what is there is newer than Postgres: it stays
        restored = await restore_job(ledger, c, job.id)
    assert restored == done.job


async def test_what_a_newer_version_folded_is_put_back_by_no_older_one(
    start: Start, settings: Settings, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger,
    log: Log,
) -> None:  # fmt: skip
    running = start()
    job = await traffic.submitted(ledger)
    await caught_up(db, log)
    await running.stop()
    async with db.begin() as c:
        await c.execute(text("UPDATE checkpoints SET schema = 99"))
    before = await saved(redis, keys)
    with pytest.raises(FoldedByNewer, match="schema 99"):
        await recover(settings, "by an older version")
    assert await saved(redis, keys) == before
    await redis.delete(keys.job(job.id))
    async with db.connect() as c:
        with pytest.raises(FoldedByNewer, match="schema 99"):
            await restore_job(ledger, c, job.id)
        await c.rollback()
        await c.execute(text("ALTER TABLE checkpoints DROP COLUMN schema"))  # an older projector's
        assert await restore_job(ledger, c, job.id) == job
