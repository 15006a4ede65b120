"""Attempts that Redis gave out and lost again: they are told from those given out since."""

import time
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from projector import queries, submissions
from projector.queries import FOLD
from projector.recover import Recovery
from projector.submissions import Submission
from streams.commit import Ledger
from streams.errors import Fenced, LogMissing
from streams.events import JobRequest
from streams.ids import new_id
from streams.job import encode, floor_of, fold
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings
from tests.projector.conftest import Start, archived_jobs, caught_up, projected_jobs
from tests.projector.engine import taken

PREPARE, WHISPER = "audio_prepare", "faster_whisper"


async def wiped(redis: Redis, keys: Keys) -> None:
    async for name in redis.scan_iter(f"{keys.base}:*"):
        await redis.delete(name)


@pytest.fixture
def recovery(db: AsyncEngine, redis: Redis, keys: Keys) -> Recovery:
    return Recovery(db, redis, keys)


async def test_who_holds_an_attempt_that_was_lost_cannot_end_the_one_of_now(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log,
    recovery: Recovery,
) -> None:  # fmt: skip
    running = start()
    job = await traffic.submitted(ledger)
    await caught_up(db, log)
    await running.stop()  # nothing is archived from here on
    _, first = await taken(redis, ledger, PREPARE, "audio_prepare@h-0")
    await traffic.finished(ledger, first, "prepare")
    _, second = await taken(redis, ledger, WHISPER, "faster_whisper@h-0")
    assert second.stages["transcribe"].token == first.stages["prepare"].token == 1
    await wiped(redis, keys)
    report = await recovery.mend("wiped")
    assert report
    assert (report.epoch, report.requeued, report.restarted) == (2, 1, 0)

    start()
    ticket, now = await taken(redis, ledger, PREPARE, "audio_prepare@h-1")
    assert (ticket.job, ticket.token) == (job.id, floor_of(2) + 1)
    with pytest.raises(Fenced):
        await traffic.finished(ledger, first, "prepare")
    await traffic.finished(ledger, now, "prepare")
    ticket, now = await taken(redis, ledger, WHISPER, "faster_whisper@h-1")
    assert ticket.token == floor_of(2) + 1
    with pytest.raises(Fenced):
        await traffic.finished(ledger, second, "transcribe")
    done = await traffic.finished(ledger, now, "transcribe")
    assert done.stages["transcribe"].status == "completed"
    await caught_up(db, log)
    assert await archived_jobs(db) == await projected_jobs(db) == {done.id: done}


async def accepted(db: AsyncEngine) -> Submission:
    """What somebody sent, safe in Postgres."""
    job_id = new_id()
    submission = Submission(
        id=job_id, tenant="default", fingerprint="f", filename="talk.wav",
        source=traffic.artifact(job_id, "source"), request=JobRequest(),
        accepted_at=datetime.now(UTC),
    )  # fmt: skip
    async with db.begin() as c:
        await submissions.accept(c, submission)
    return submission


async def test_a_job_that_is_submitted_once_more_gives_out_no_token_again(
    db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, recovery: Recovery
) -> None:
    submission = await accepted(db)
    await submissions.submit(ledger, submission, [], asked=time.monotonic())
    _, zombie = await taken(redis, ledger, PREPARE, "audio_prepare@h-0")
    await wiped(redis, keys)
    with pytest.raises(LogMissing):
        await submissions.submit(ledger, submission, [], asked=time.monotonic())
    await recovery.run("wiped")
    await submissions.submit(ledger, submission, [], asked=time.monotonic())
    ticket, now = await taken(redis, ledger, PREPARE, "audio_prepare@h-1")
    assert ticket.token == floor_of(2) + 1
    with pytest.raises(Fenced):
        await traffic.finished(ledger, zombie, "prepare")
    now = await traffic.finished(ledger, now, "prepare")
    assert now.stages["transcribe"].token == floor_of(2) + 1


async def test_an_epoch_that_was_lost_before_it_was_archived_is_not_begun_again(
    db: AsyncEngine, redis: Redis, keys: Keys, log: Log, recovery: Recovery
) -> None:
    assert await recovery.mend("Redis holds no log") is None
    assert await log.head() == Head(0, "", 1)
    await accepted(db)
    for epoch in (2, 3, 4):
        await wiped(redis, keys)
        await recovery.mend("wiped again")
        assert (await log.head() or Head(0, "", 0)).epoch == epoch


async def test_a_recovery_that_is_cut_off_shows_no_log_and_is_done_once_more(
    settings: Settings, start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger,
    log: Log,
) -> None:  # fmt: skip
    running = start()
    jobs = [await traffic.submitted(ledger) for _ in range(3)]
    await caught_up(db, log)
    await running.stop()

    def cut(what: str, _done: int, _of: int) -> None:
        if what == "queueing tasks":
            raise InterruptedError(what)

    await wiped(redis, keys)
    with pytest.raises(InterruptedError):
        await Recovery(db, redis, keys, cut).mend("wiped")
    assert await log.head() is None
    with pytest.raises(LogMissing):
        await traffic.submitted(ledger)
    report = await Recovery(db, redis, keys).mend("again")
    assert report
    assert (report.epoch, report.jobs, report.requeued) == (2, 3, 3)
    left = {name async for name in redis.scan_iter(f"{keys.base}:recovering")}
    assert not left
    begun = [e.type for e in await log.read(0) if e.job == jobs[0].id]
    assert begun == ["job.recovered", "stage.ready"]


async def test_a_state_of_a_history_that_was_lost_is_not_written_over_another_of_the_same_length(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log,
    recovery: Recovery,
) -> None:  # fmt: skip
    running = start()
    await traffic.submitted(ledger)
    await caught_up(db, log)
    await running.stop()
    engine = Ledger(redis, keys)  # which remembers what it saw, and nothing of what others do
    _, zombie = await taken(redis, engine, PREPARE, "audio_prepare@h-0")
    zombie = await traffic.finished(engine, zombie, "prepare")
    await wiped(redis, keys)
    await recovery.mend("wiped")
    _, now = await taken(redis, ledger, PREPARE, "audio_prepare@h-1")
    assert now.rev == zombie.rev == 6
    with pytest.raises(Fenced):
        await traffic.started(engine, zombie, "transcribe")
    assert await ledger.load(now.id) == now


async def test_an_archive_that_ends_inside_a_commit_is_gone_on_from(
    start: Start, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger, log: Log,
    recovery: Recovery,
) -> None:  # fmt: skip
    running = start()
    await traffic.submitted(ledger)
    await caught_up(db, log)
    await running.stop()
    async with db.begin() as c:  # as a batch that was full with the first of the three events
        first, *_ = await queries.events(c, after=0)
        await c.execute(text("DELETE FROM events WHERE seq > 1"))
        await c.execute(text("DELETE FROM stages"))
        begun = fold([first])
        assert begun
        state = encode(begun).decode()
        await c.execute(text("UPDATE jobs SET rev = 1, state = :state"), {"state": state})
        values = {"name": FOLD, "id": first.id}
        await c.execute(text("UPDATE checkpoints SET seq = 1, id = :id WHERE name = :name"), values)
    await wiped(redis, keys)
    await recovery.mend("wiped")
    start()
    for engine, stage in ((PREPARE, "prepare"), (WHISPER, "transcribe"), ("merge", "merge")):
        _, job = await taken(redis, ledger, engine, f"{engine}@h-0")
        job = await traffic.finished(ledger, job, stage)
    assert job.status == "succeeded"
    await caught_up(db, log)
    assert await archived_jobs(db) == await projected_jobs(db) == {job.id: job}
