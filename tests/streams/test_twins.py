"""One contract for the real write side and for its twin in memory."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from redis.asyncio import Redis

from streams import decide
from streams.artifacts import PART, Artifacts
from streams.commit import Committed, Ledger, Ticket
from streams.errors import ArtifactCorrupt, ArtifactMissing, Fenced, UnknownJob
from streams.events import Artifact, Event, JobRequest, PlannedStage, type_of
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings
from streams.testing import MemoryArtifacts, MemoryLedger, MemoryQueue
from streams.transcript import Transcript
from streams.work import Depth, Queue
from tests.streams.story import AUDIO, CHAIN, HEARD, OUTPUT, SOLO

TOY = "toy"


class World:
    """A ledger and how to look at what it wrote."""

    def __init__(self, ledger: Ledger, log: Log | None) -> None:
        self.ledger = ledger
        self._log = log

    async def events(self) -> list[Event]:
        if isinstance(self.ledger, MemoryLedger):
            return self.ledger.log
        assert self._log
        return await self._log.read(0, count=100_000)

    def queue(self, engine: str = TOY) -> Queue:
        if isinstance(self.ledger, MemoryLedger):
            return MemoryQueue(self.ledger, engine)
        return Queue(self.ledger.redis, self.ledger, engine)

    async def submit(
        self, job: str, *, tenant: str = "t", plan: tuple[PlannedStage, ...] = SOLO, **request: Any
    ) -> Committed:
        source = Artifact(uri=AUDIO.uri, sha256=AUDIO.sha256, bytes=request.pop("bytes", 320_000))
        return await self.ledger.transition(
            job,
            lambda state, now: decide.submit(
                state, job_id=job, tenant=tenant, request=JobRequest(**request), source=source,
                filename="a.wav", plan=plan, now=now,
            ),
            tenant=tenant,
        )  # fmt: skip

    async def start(self, ticket: Ticket, owner: str = "o") -> Committed:
        return await self.ledger.transition(
            ticket.job,
            lambda state, _: decide.start(
                state, stage=ticket.stage, token=ticket.token, owner=owner, engine_version="1"
            ),
        )

    async def finish(self, ticket: Ticket) -> Committed:
        return await self.ledger.transition(
            ticket.job,
            lambda state, now: decide.finish(
                state, stage=ticket.stage, token=ticket.token, output=OUTPUT, usage=HEARD, now=now
            ),
            settle=ticket,
        )

    async def take(self, queue: Queue, consumer: str = "o") -> Ticket | None:
        for _ in range(2):  # an empty look releases what waits, the next one gets it
            if ticket := await queue.take(consumer, block_ms=30):
                return ticket
        return None


@pytest.fixture(params=["memory", "valkey"])
async def world(request: pytest.FixtureRequest, redis: Redis, key_prefix: str) -> World:
    if request.param == "memory":
        return World(MemoryLedger(), None)
    keys = Keys(key_prefix)
    log = Log(redis, keys)
    await log.create(Head(0, "", 1))
    return World(Ledger(redis, keys), log)


async def test_events_are_a_dense_chain(world: World) -> None:
    await world.submit("a")
    await world.submit("b")
    events = await world.events()
    assert [e.seq for e in events] == list(range(1, 7))
    assert [e.prev for e in events] == ["", *(e.id for e in events[:-1])]
    assert [(e.job, e.rev) for e in events] == [(j, r) for j in "ab" for r in (1, 2, 3)]
    assert {(e.tenant, e.epoch) for e in events} == {("t", 1)}
    assert [e.type for e in events] == [type_of(e.fact) for e in events]  # type: ignore[arg-type]


async def test_a_transition_gives_the_state_that_load_gives(world: World) -> None:
    assert await world.ledger.load("a") is None
    done = await world.submit("a")
    assert await world.ledger.load("a") == done.job
    assert [e.type for e in done.events] == ["job.submitted", "job.planned", "stage.ready"]
    again = await world.submit("a")
    assert (again.job, again.events) == (done.job, ())


async def test_a_task_goes_through_the_queue_once(world: World) -> None:
    queue = world.queue()
    await queue.create()
    await queue.create()
    assert await queue.take("o", block_ms=10) is None
    await world.submit("a")
    assert await queue.depth() == Depth(1, 0, {"t": 1})
    ticket = await queue.take("o")
    assert ticket is not None
    assert (ticket.job, ticket.stage, ticket.token, ticket.tenant) == ("a", "only", 1, "t")
    assert await queue.depth() == Depth(0, 1, {})
    assert await queue.take("p", block_ms=10) is None
    await world.start(ticket)
    await world.finish(ticket)
    assert await queue.depth() == Depth(0, 0, {})
    assert await queue.held("o") == []
    assert (await world.events())[-1].type == "job.succeeded"


async def test_finishing_hands_over_to_the_next_engine(world: World) -> None:
    prepare, transcribe = world.queue("audio_prepare"), world.queue("faster_whisper")
    for queue in (prepare, transcribe):
        await queue.create()
    await world.submit("a", plan=CHAIN)
    ticket = await prepare.take("o")
    assert ticket
    await world.start(ticket)
    await world.finish(ticket)
    after = await transcribe.take("o")
    assert after
    assert (after.engine, after.stage) == ("faster_whisper", "transcribe")


async def test_a_renewal_tells_the_owner_how_it_stands(world: World) -> None:
    queue = world.queue()
    await queue.create()
    await world.submit("a")
    ticket = await queue.take("o")
    assert ticket
    assert await queue.renew("o", ticket) == "fenced", "it did not start yet"
    await world.start(ticket)
    assert await queue.renew("o", ticket) == "ok"
    assert await queue.renew("p", ticket) == "fenced", "another owns it"
    await world.ledger.transition("a", lambda job, now: decide.cancel(job, now=now))
    assert await queue.renew("o", ticket) == "cancelled"
    assert await queue.held("o") == [ticket]
    assert await queue.lost(0) == [ticket]
    assert await queue.lost(60) == []


async def test_a_consumer_with_a_task_is_not_forgotten(world: World) -> None:
    queue = world.queue()
    await queue.create()
    await world.submit("a")
    ticket = await queue.take("o")
    assert ticket
    assert await queue.forget("o") is False
    await world.ledger.settle(ticket)
    assert await queue.forget("o") is True
    assert await queue.held("o") == []


async def test_a_lost_attempt_comes_back_and_the_old_one_is_fenced(world: World) -> None:
    queue = world.queue()
    await queue.create()
    await world.submit("a")
    old = await queue.take("o")
    assert old
    await world.start(old)
    await world.ledger.transition(
        "a",
        lambda job, now: decide.lose(job, stage="only", token=1, now=now),
        settle=old,
    )
    new = await world.take(queue, "p")
    assert new
    assert new.token == 2
    with pytest.raises(Fenced):
        await world.finish(old)
    await world.start(new, owner="p")
    await world.finish(new)
    job = await world.ledger.load("a")
    assert job
    assert job.status == "succeeded"


async def test_one_of_a_small_tenant_overtakes_a_flood(world: World) -> None:
    queue = world.queue()
    await queue.create()
    for n in range(50):
        await world.submit(f"a{n:02}", tenant="flood")
    await world.submit("b", tenant="small")
    taken = []
    for _ in range(6):
        ticket = await world.take(queue)
        assert ticket
        await world.start(ticket)
        await world.finish(ticket)
        taken.append(ticket.tenant)
    assert taken.index("small") <= 3
    assert (await queue.depth()).tenants == {"flood": 45}


async def test_a_short_file_goes_before_a_tenants_next_long_one(world: World) -> None:
    queue = world.queue()
    await queue.create()
    for n in range(4):
        await world.submit(f"long{n}", tenant="a", bytes=32_000 * 3600)
    for n in range(4):
        await world.submit(f"short{n}", tenant="b", bytes=32_000 * 10)
    order = []
    while ticket := await world.take(queue):
        order.append(ticket.job)
        await world.ledger.settle(ticket)
    assert order[:2] == ["long0", "long1"], "they stood ready before anybody else came"
    assert order[2:6] == ["short0", "short1", "short2", "short3"]


async def test_priority_moves_a_task_forward(world: World) -> None:
    queue = world.queue()
    await queue.create()
    for n in range(5):
        await world.submit(f"j{n}")
    await world.submit("urgent", priority=3)
    order = []
    while ticket := await world.take(queue):
        order.append(ticket.job)
        await world.ledger.settle(ticket)
    assert order[:3] == ["j0", "j1", "urgent"]
    assert order[3:] == ["j2", "j3", "j4"]


async def test_nobody_decides_on_a_job_that_is_not_there(world: World) -> None:
    with pytest.raises(UnknownJob):
        await world.ledger.transition("nope", lambda job, now: decide.cancel(job, now=now))
    assert await world.events() == []


async def test_a_stale_state_is_decided_on_again(world: World) -> None:
    stale = (await world.submit("a")).job
    queue = world.queue()
    ticket = await queue.take("o") or await world.take(queue)
    assert ticket
    await world.start(ticket)
    done = await world.ledger.transition(
        "a",
        lambda job, now: decide.finish(
            job, stage="only", token=1, output=OUTPUT, usage=HEARD, now=now
        ),
        known=stale,
    )
    assert done.job
    assert done.job.status == "succeeded"


async def test_tasks_that_a_queue_has_lost_are_enqueued_again(world: World) -> None:
    queue = world.queue()
    await queue.create()
    job = (await world.submit("a")).job
    assert job
    first = await world.take(queue)
    assert first
    await world.ledger.settle(first)
    await world.ledger.enqueue(job)
    second = await world.take(queue)
    assert second
    assert (second.job, second.token) == ("a", first.token)
    assert len(await world.events()) == 3


@pytest.fixture(params=["memory", "s3"])
async def artifacts(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Artifacts]:
    if request.param == "memory":
        yield MemoryArtifacts()
        return
    async with Artifacts(settings) as store:
        yield store


async def stream(data: bytes, size: int = 1_000_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [0, 1, 1000, PART, PART + 1])
async def test_what_is_put_is_got(artifacts: Artifacts, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    put = await artifacts.put_stream("jobs/j/source", stream(data), "audio/wav")
    assert (put.bytes, put.media_type) == (size, "audio/wav")
    assert put.uri == f"s3://{artifacts.bucket}/jobs/j/source"
    assert await artifacts.get(put) == data


async def test_the_same_bytes_may_be_put_again_and_others_may_not(artifacts: Artifacts) -> None:
    first = await artifacts.put("jobs/j/a/1/x", b"same", "text/plain")
    assert await artifacts.put("jobs/j/a/1/x", b"same", "text/plain") == first
    with pytest.raises(ArtifactCorrupt, match="exists with other bytes"):
        await artifacts.put("jobs/j/a/1/x", b"different", "text/plain")
    assert await artifacts.get(first) == b"same"


async def test_a_value_comes_back_typed(artifacts: Artifacts) -> None:
    value = Transcript(duration=1.5, segments=(), language="en")
    put = await artifacts.put_value("jobs/j/a/1/output.json", value)
    assert put.media_type == "application/json"
    assert await artifacts.get_value(put, Transcript) == value


async def test_a_file_goes_and_comes(artifacts: Artifacts, tmp_path: Any) -> None:
    (tmp_path / "a").write_bytes(b"x" * 300_000)
    put = await artifacts.put_file("jobs/j/a/1/file", tmp_path / "a", "audio/wav")
    await artifacts.get_file(put, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x" * 300_000


async def test_what_is_not_there_or_not_itself_is_said(artifacts: Artifacts) -> None:
    put = await artifacts.put("jobs/j/a/1/x", b"1234", "text/plain")
    for wrong in (
        Artifact(put.uri, put.sha256, 5),
        Artifact(put.uri, "0" * 64, put.bytes),
    ):
        with pytest.raises(ArtifactCorrupt, match="has 4 bytes and sha256 03ac"):
            await artifacts.get(wrong)
    with pytest.raises(ArtifactMissing, match="not in the store"):
        await artifacts.get(Artifact(f"s3://{artifacts.bucket}/nope", put.sha256, 4))
    with pytest.raises(ArtifactMissing, match="an erased artifact"):
        await artifacts.get(Artifact("", "", 0))
    with pytest.raises(ArtifactMissing, match="is no object in S3"):
        await artifacts.get(Artifact("file:///etc/passwd", put.sha256, 4))


async def test_what_was_written_in_another_bucket_is_found_when_the_objects_have_moved(
    artifacts: Artifacts,
) -> None:
    put = await artifacts.put("jobs/j/a/1/x", b"1234", "text/plain")
    of_old = Artifact("s3://the-bucket-of-before/jobs/j/a/1/x", put.sha256, put.bytes)
    assert await artifacts.get(of_old) == b"1234"


async def test_keys_are_listed_and_an_unknown_object_is_copied(
    artifacts: Artifacts, tmp_path: Any
) -> None:
    put = await artifacts.put("jobs/j/a/1/x", b"1234", "text/plain")
    await artifacts.put("jobs/k/source", b"1", "text/plain")
    assert [key async for key in artifacts.keys("jobs/j/")] == ["jobs/j/a/1/x"]
    copied = await artifacts.copy_to("jobs/j/a/1/x", tmp_path / "x")
    assert (copied.uri, copied.sha256, copied.bytes) == (put.uri, put.sha256, put.bytes)
    assert (tmp_path / "x").read_bytes() == b"1234"
    with pytest.raises(ArtifactMissing, match="jobs/j/nope is not in the bucket"):
        await artifacts.copy_to("jobs/j/nope", tmp_path / "y")


@pytest.mark.parametrize("size", [10, PART + 10])
async def test_an_upload_that_breaks_off_leaves_nothing(artifacts: Artifacts, size: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * size
        raise ConnectionError("the client went away")

    with pytest.raises(ConnectionError):
        await artifacts.put_stream("jobs/j/source", broken(), "audio/wav")
    with pytest.raises(ArtifactMissing):
        await artifacts.get(Artifact(f"s3://{artifacts.bucket}/jobs/j/source", "0" * 64, size))
    assert await artifacts.erase("j") == 0


async def test_erasing_takes_one_jobs_objects_and_no_other(artifacts: Artifacts) -> None:
    for key in ("jobs/j/source", "jobs/j/a/1/x", "jobs/jj/source"):
        await artifacts.put(key, b"1", "text/plain")
    assert await artifacts.erase("j") == 2
    assert await artifacts.erase("j") == 0
    assert await artifacts.erase("jj") == 1


async def test_the_bucket_is_made_once(artifacts: Artifacts) -> None:
    await artifacts.create_bucket()
    await artifacts.create_bucket()
    await artifacts.probe()
