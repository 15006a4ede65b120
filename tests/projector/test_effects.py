"""The text index and the eraser: side effects with a checkpoint of their own."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from infra.local import objectstore
from infra.local.child import Child
from projector import consumer, queries, submissions
from projector.erasure import Eraser
from projector.index import Index
from projector.objects import Objects
from projector.rebuild import rebuild
from projector.submissions import Submission
from projector.which import Which
from streams import decide
from streams.artifacts import Artifacts, key_of, source_key
from streams.commit import Decide, Ledger
from streams.events import Artifact, Event, JobRequest
from streams.ids import new_id
from streams.job import Job
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from streams.transcript import Segment, Speaker, Transcript
from tests.projector.conftest import Start, archived_jobs, caught_up, projected_jobs

SECRET = "Rosebud"
SAID = Transcript(
    duration=9.0,
    language="en",
    speakers=(Speaker(id="s1", name="Ann"),),
    segments=(
        Segment(start=0.0, end=4.0, text=" The quick brown\x02 fox, said Rosebud.", speaker="s1"),
        Segment(start=4.0, end=9.0, text="Él dijo: ¡mañana! Fox and fox again."),
    ),
)


@pytest.fixture
async def artifacts(settings: Settings) -> AsyncIterator[Artifacts]:
    async with Artifacts(settings) as store:
        yield store


@pytest.fixture
async def objects(settings: Settings) -> AsyncIterator[Objects]:
    async with Objects(settings) as opened:
        yield opened


@pytest.fixture
def index(db: AsyncEngine, objects: Objects) -> Index:
    return Index(db, objects)


@pytest.fixture
def eraser(db: AsyncEngine, objects: Objects, redis: Redis, keys: Keys) -> Eraser:
    return Eraser(db, objects, redis, keys)


async def drained(one: consumer.Consumer) -> None:
    while await one.step():
        pass


async def transcribed(
    ledger: Ledger,
    artifacts: Artifacts,
    said: Transcript = SAID,
    on_the_way: Mapping[str, Decide] = {},
    again_from: str | None = None,
) -> Job:
    """A job that succeeded with a transcript that is really in the store.

    ``on_the_way``: what is to happen while a stage runs.
    """
    request = JobRequest(language="en", hotwords=SECRET, labels={"name": SECRET})
    job_id = new_id()
    await artifacts.put(source_key(job_id), SECRET.encode(), "audio/wav")
    job = await traffic.submitted(ledger, job_id, request, again_from)
    for node in job.plan:
        job = await traffic.started(ledger, job, node.name)
        if node.name in on_the_way:
            await ledger.transition(job_id, on_the_way[node.name])
        output = await artifacts.put_value(key_of(job_id, node.name, 1, "output.json"), said)
        job = await finished(ledger, job, node.name, output)
    return job


async def finished(ledger: Ledger, job: Job, stage: str, output: Artifact) -> Job:
    done = await ledger.transition(
        job.id,
        lambda job, now: decide.finish(
            job, stage=stage, token=1, output=output, usage=traffic.HEARD,
            warnings=(f"{SECRET} was loud",), now=now,
        ),
    )  # fmt: skip
    assert done.job
    return done.job


async def found(db: AsyncEngine, words: str, tenant: str = "default") -> list[queries.Hit]:
    async with db.connect() as c:
        return await queries.search(c, tenant=tenant, text=words)


async def test_what_was_said_is_found_with_its_marks(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, index: Index
) -> None:
    start()
    job = await transcribed(ledger, artifacts)
    await caught_up(db, log)
    await drained(index)
    first, second = await found(db, "FOX")
    assert [(hit.job, hit.speaker) for hit in (first, second)] == [(job.id, None), (job.id, "Ann")]
    assert [first.snippet[a:b] for a, b in first.marks] == ["Fox", "fox"]
    assert (second.start, second.end, second.filename) == (0.0, 4.0, "interview with a guest.mp3")
    assert [hit.text for hit in await found(db, '"quick brown" -mañana')] == [second.text]
    assert [hit.start for hit in await found(db, "mañana")] == [4.0]
    assert await found(db, "fox", "another tenant") == []
    assert await found(db, "'; drop table segments; --") == []


async def test_indexing_again_changes_nothing(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, index: Index
) -> None:
    start()
    await transcribed(ledger, artifacts)
    await caught_up(db, log)
    await drained(index)
    async with db.begin() as c:
        await c.execute(text("UPDATE checkpoints SET seq = 0, id = '' WHERE name = 'index'"))
    await drained(index)
    assert len(await found(db, "fox")) == 2


async def test_a_crash_has_no_more_than_a_stride_indexed_again(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, index: Index,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(consumer, "STRIDE", 2)
    start()
    jobs = [(await transcribed(ledger, artifacts)).id for _ in range(5)]
    await caught_up(db, log)
    handled: list[str] = []
    whole = Index.handle

    async def dies_at_the_fourth(self: Index, event: Event) -> None:
        handled.append(event.job)
        if len(handled) == 4:
            raise asyncio.CancelledError
        await whole(self, event)

    monkeypatch.setattr(Index, "handle", dies_at_the_fourth)
    with pytest.raises(asyncio.CancelledError):
        await index.step()
    await drained(index)
    assert handled == [*jobs[:4], *jobs[2:]]


async def test_a_transcript_that_is_gone_is_skipped_and_the_next_one_indexed(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, index: Index,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(consumer, "LAST_WAIT_S", 0.01)
    start()
    await traffic.succeeded(ledger)  # its artifact was never written
    job = await transcribed(ledger, artifacts)
    await caught_up(db, log)
    await drained(index)
    assert {hit.job for hit in await found(db, "fox")} == {job.id}


async def test_it_waits_for_a_store_that_is_away_and_the_fold_does_not(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log, tmp_path: Path
) -> None:
    start()
    endpoint = objectstore.listen(*objectstore.new_keys())
    program = objectstore.program(
        endpoint=endpoint, data=tmp_path / "s3", log=tmp_path / "s3.log", environ={}
    )
    own = replace(
        settings, s3_url=endpoint.url, s3_access_key=endpoint.access_key,
        s3_secret_key=endpoint.secret_key,
    )  # fmt: skip
    async with Artifacts(own) as artifacts, Objects(own) as objects:
        store = Child(program)
        await store.start()
        await artifacts.create_bucket()
        job = await transcribed(ledger, artifacts)
        await store.stop()
        waiting = asyncio.create_task(drained(Index(db, objects)))
        await caught_up(db, log)
        await traffic.succeeded(ledger)
        await caught_up(db, log)
        assert not waiting.done()
        store = Child(program)
        await store.start()
        async with asyncio.timeout(30):
            while not await found(db, "fox"):
                await asyncio.sleep(0.05)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await store.stop()
    endpoint.close()
    assert {hit.job for hit in await found(db, "fox")} == {job.id}


async def holders(
    redis: Redis, keys: Keys, db: AsyncEngine, artifacts: Artifacts, words: list[str]
) -> list[str]:
    """Every key, row and object that holds one of the words."""
    holding = []
    async for name in redis.scan_iter(f"{keys.base}:*"):
        kind = await redis.type(name)
        value: Any = b""
        match kind:
            case b"stream":
                value = await redis.xrange(name)
            case b"hash":
                value = await redis.hgetall(name)
            case b"string":
                value = await redis.get(name)
            case _:
                value = await redis.zrange(name, 0, -1)
        holding += [name.decode() for word in words if word.encode() in repr(value).encode()]
    names = text("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
    async with db.connect() as c:
        tables = (await c.scalars(names)).all()
        for table in tables:
            rows = (await c.scalars(text(f"SELECT t::text FROM {table} AS t"))).all()
            holding += [table for row in rows for word in words if word in row]
    pages = artifacts._s3.get_paginator("list_objects_v2")
    async for page in pages.paginate(Bucket=artifacts.bucket):
        holding += [item["Key"] for item in page.get("Contents", ())]
    return holding


async def test_after_erasure_nothing_holds_a_word_and_a_replay_passes(
    start: Start, settings: Settings, db: AsyncEngine, redis: Redis, keys: Keys, ledger: Ledger,
    log: Log, artifacts: Artifacts, index: Index, eraser: Eraser,
) -> None:  # fmt: skip
    start()
    job = await transcribed(ledger, artifacts)
    async with db.begin() as c:
        await submissions.accept(c, Submission(
            id=job.id, tenant="default", fingerprint=SECRET, filename=job.filename,
            source=job.source, request=job.request, accepted_at=datetime.now(UTC),
            idempotency_key=SECRET,
        ))  # fmt: skip
    await caught_up(db, log)
    await drained(index)
    words = [SECRET, "interview with", "quick brown", job.source.sha256]
    assert await holders(redis, keys, db, artifacts, words)
    await ledger.transition(job.id, lambda job, _: decide.erase(job), meta={"by": "test"})
    await caught_up(db, log)
    await drained(eraser)
    await drained(index)
    assert await holders(redis, keys, db, artifacts, words) == []
    assert await archived_jobs(db) == await projected_jobs(db)
    state = (await projected_jobs(db))[job.id]
    assert (state.erased, state.status, state.rev) == (True, "succeeded", 13)
    assert state == await ledger.load(job.id)
    assert (await rebuild(settings)).same
    assert await found(db, "fox") == []


async def test_erasing_one_job_leaves_the_others_whole(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log, artifacts: Artifacts, index: Index,
    eraser: Eraser,
) -> None:  # fmt: skip
    start()
    gone, stays = await transcribed(ledger, artifacts), await transcribed(ledger, artifacts)
    await ledger.transition(gone.id, lambda job, _: decide.erase(job))
    await caught_up(db, log)
    await drained(index)
    await drained(eraser)
    assert {hit.job for hit in await found(db, "fox")} == {stays.id}
    assert (await projected_jobs(db))[stays.id] == stays
    assert stays.transcript
    assert await artifacts.get_value(stays.transcript, Transcript) == SAID


async def test_jobs_are_listed_newest_first_page_by_page(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()
    ids = [(await traffic.submitted(ledger, f"01job{n:021}")).id for n in range(5)]
    await traffic.succeeded(ledger, "01job" + "9" * 21)
    await caught_up(db, log)
    async with db.connect() as c:
        queued = Which(status="queued")
        page = await queries.jobs(c, tenant="default", which=queued, limit=2)
        assert [job.id for job in page] == ids[:2:-1]
        rest = await queries.jobs(c, tenant="default", which=queued, before=page[-1].id)
        assert [job.id for job in rest] == ids[2::-1]
        assert await queries.jobs(c, tenant="other") == []
        assert await queries.job(c, ids[0], tenant="other") is None
        assert len(await queries.events(c, job=ids[1], tenant="default")) == 3
        assert [e.seq for e in await queries.events(c, after=4, limit=2)] == [5, 6]
