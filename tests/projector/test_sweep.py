"""The sweeper: what nothing names goes, what is named or may be on its way stays."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from projector import pending, submissions
from projector import sweep as swept
from projector.objects import Objects
from projector.pending import Pending
from projector.submissions import Submission
from projector.sweep import OWNER, Sweeper, unnamed
from streams import decide
from streams.artifacts import PART, Artifacts, Stored, key_of, source_key
from streams.commit import Ledger
from streams.events import JobRequest
from streams.ids import new_id
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.projector.conftest import Start, caught_up
from tests.streams.story import Story

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLD, YOUNG = NOW - timedelta(hours=7), NOW - timedelta(hours=5)
BEFORE = NOW - timedelta(hours=6)

Sweep = Callable[[float], Sweeper]


def gone(story: Story | None, *keys: str, at: datetime = OLD) -> list[str]:
    """Which of these the sweeper would delete."""
    return unnamed([Stored(key, at) for key in keys], story.job if story else None, BEFORE)


def test_an_upload_that_was_never_accepted_goes_when_it_is_old() -> None:
    assert gone(None, "jobs/j/source") == ["jobs/j/source"]
    assert gone(None, "jobs/j/source", at=YOUNG) == []


def test_all_of_the_attempt_that_completed_stays_and_what_others_left_goes() -> None:
    story = Story()
    story.start("prepare")
    story.lose("prepare")
    story.start("prepare")
    story.when(
        decide.finish, stage="prepare", token=2, usage=traffic.HEARD, now=story.now,
        output=traffic.artifact("j", "prepare", 2),
    )  # fmt: skip
    keys = [key_of("j", "prepare", token, name) for token in (1, 2) for name in ("a", "b")]
    assert gone(story, source_key("j"), *keys) == keys[:2]


def test_an_attempt_under_way_may_have_stored_some_of_its_output_already() -> None:
    story = Story()
    story.start("prepare")
    story.lose("prepare")
    assert gone(story, "jobs/j/prepare/1/a", "jobs/j/prepare/2/a") == ["jobs/j/prepare/1/a"]
    story.cancel()
    assert gone(story, "jobs/j/prepare/2/a") == ["jobs/j/prepare/2/a"]


def test_of_a_job_that_was_erased_nothing_stays_however_young() -> None:
    story = Story()
    story.cancel()
    story.when(decide.erase)
    assert gone(story, "jobs/j/source", "jobs/j/merge/1/a", at=NOW) == [
        "jobs/j/source",
        "jobs/j/merge/1/a",
    ]


@pytest.fixture
async def artifacts(settings: Settings) -> AsyncIterator[Artifacts]:
    async with Artifacts(settings) as store:
        yield store


@pytest.fixture
async def sweep(
    settings: Settings, db: AsyncEngine, redis: Redis, keys: Keys
) -> AsyncIterator[Sweep]:
    async with Objects(settings) as objects:
        yield lambda age_s: Sweeper(db, objects, redis, keys, age_s=age_s)


async def submission(db: AsyncEngine, artifacts: Artifacts) -> Submission:
    """An upload that was accepted; its first event is on its way."""
    job = new_id()
    kept = Submission(
        id=job, tenant="default", fingerprint="f", filename="a", request=JobRequest(),
        source=await artifacts.put(source_key(job), b"accepted", "audio/wav"),
        accepted_at=datetime.now(UTC),
    )  # fmt: skip
    async with db.begin() as connection:
        await submissions.accept(connection, kept)
    return kept


async def keys_in(artifacts: Artifacts) -> set[str]:
    return {key async for key in artifacts.keys("jobs/")}


async def test_only_what_nothing_names_is_deleted(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, sweep: Sweep
) -> None:
    start()
    job = await traffic.succeeded(ledger)
    named = {source_key(job.id), *(key_of(job.id, n.name, 1, "output.json") for n in job.plan)}
    for key in named:
        await artifacts.put(key, b"named", "text/plain")
    named.add(source_key((await submission(db, artifacts)).id))
    lost = {source_key(new_id()), key_of(job.id, "merge", 7, "output.json")}
    for key in lost:
        await artifacts.put(key, b"lost", "text/plain")
    await caught_up(db, log)
    assert await sweep(3600.0).sweep() == 0
    assert await keys_in(artifacts) == named | lost
    assert await sweep(0.0).sweep() == 2
    assert await keys_in(artifacts) == named
    assert await sweep(0.0).sweep() == 0


async def test_parts_of_an_upload_that_never_ended_are_given_up(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, sweep: Sweep
) -> None:
    start()
    await traffic.submitted(ledger)
    await caught_up(db, log)
    await artifacts.begin(source_key(new_id()), "audio/wav")
    key = source_key(new_id())
    upload = await artifacts.begin(key, "audio/wav")
    await artifacts.part(key, upload, 1, bytes(PART))
    assert await sweep(3600.0).sweep() == 0
    assert await sweep(-1.0).sweep() == 2  # as if a second had gone by: S3 tells whole ones
    listed: Any = await artifacts._s3.list_multipart_uploads(Bucket=artifacts.bucket)
    assert "Uploads" not in listed


async def begun(db: AsyncEngine, artifacts: Artifacts) -> Pending:
    """An upload under way, with one part."""
    job = new_id()
    multipart = await artifacts.begin(source_key(job), "audio/wav")
    async with db.begin() as connection:
        await pending.begin(
            connection, upload_id=job, tenant="default", filename="a", media_type="audio/wav",
            length=PART + 1, multipart=multipart,
        )  # fmt: skip
        mine = await pending.take(connection, job, "default", 0)
        assert mine is not None
        made = await artifacts.part(source_key(job), multipart, mine.number, bytes(PART))
        counted = await pending.record(connection, mine, etag=made["ETag"], size=PART)
    assert counted is not None
    return counted


async def test_an_upload_that_can_be_gone_on_with_stays_and_one_that_nobody_did_goes(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, sweep: Sweep
) -> None:
    start()
    await traffic.submitted(ledger)
    await caught_up(db, log)
    living, whole, dead = [await begun(db, artifacts) for _ in range(3)]
    parts = [{"PartNumber": whole.numbers[0], "ETag": whole.etags[0]}]
    await artifacts.complete(source_key(whole.id), whole.multipart, parts, PART)
    late = text("UPDATE uploads SET moved_at = now() - interval '25 hours' WHERE id = :i")
    async with db.begin() as connection:
        await connection.execute(late, {"i": dead.id})
    assert await sweep(-1.0).sweep() == 1
    listed: Any = await artifacts._s3.list_multipart_uploads(Bucket=artifacts.bucket)
    assert [one["UploadId"] for one in listed["Uploads"]] == [living.multipart]
    assert source_key(whole.id) in await keys_in(artifacts)
    async with db.begin() as connection:
        assert await pending.find(connection, dead.id, "default") is None
        assert await pending.find(connection, living.id, "default") == living
        for upload in (living, whole):
            await connection.execute(late, {"i": upload.id})
    assert await sweep(-1.0).sweep() == 2
    assert source_key(whole.id) not in await keys_in(artifacts)
    async with db.connect() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM uploads")) == 0


async def test_the_bucket_of_another_database_is_left_alone(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, sweep: Sweep
) -> None:
    start()
    await traffic.submitted(ledger)
    await caught_up(db, log)
    await artifacts.put(OWNER, b"somebody else's first event", "text/plain")
    theirs = source_key(new_id())
    await artifacts.put(theirs, b"theirs", "text/plain")
    assert await sweep(0.0).sweep() == 0
    assert theirs in await keys_in(artifacts)


async def test_nothing_is_swept_while_the_archive_is_behind_the_log(
    db: AsyncEngine, ledger: Ledger, artifacts: Artifacts, sweep: Sweep
) -> None:
    job = await traffic.submitted(ledger)  # nobody folds it
    await artifacts.put(source_key(job.id), b"named by the log alone", "text/plain")
    async with db.begin() as connection:
        await connection.execute(text("INSERT INTO checkpoints VALUES ('fold', 1, 'x', 1)"))
    assert await sweep(0.0).sweep() == 0
    assert source_key(job.id) in await keys_in(artifacts)


async def test_a_clock_that_jumps_ahead_ends_no_upload(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, sweep: Sweep,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    start()
    await traffic.submitted(ledger)
    await caught_up(db, log)
    living = await begun(db, artifacts)

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=30)

    monkeypatch.setattr(swept, "datetime", Ahead)
    await sweep(3600.0).sweep()
    async with db.connect() as connection:
        assert await pending.find(connection, living.id, "default") == living
    listed: Any = await artifacts._s3.list_multipart_uploads(Bucket=artifacts.bucket)
    assert [one["UploadId"] for one in listed["Uploads"]] == [living.multipart]
