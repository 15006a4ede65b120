"""One contract for the real write side and for its twin in memory."""

from typing import Any

import pytest
from redis.asyncio import Redis

from streams import decide
from streams.commit import Committed, Ledger, Ticket
from streams.errors import Fenced, UnknownJob
from streams.events import Artifact, Event, JobRequest, PlannedStage, type_of
from streams.keys import Keys
from streams.log import Head, Log
from streams.testing import MemoryLedger, MemoryQueue
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


@pytest.mark.parametrize("held", ["in the backlog", "in the stream", "by an engine", "nowhere"])
async def test_an_attempt_stands_in_one_place_however_often_it_is_enqueued(
    world: World, held: str
) -> None:
    queue = world.queue()
    await queue.create()
    if held == "in the backlog":
        for n in range(3):
            await world.submit(f"before{n}")
    job = (await world.submit("a")).job
    assert job
    first = None
    if held in {"by an engine", "nowhere"}:
        first = await world.take(queue)
        assert first
    if held == "nowhere" and first:
        await world.ledger.settle(first)
    for _ in range(3):
        await world.ledger.enqueue(job)
    found = [first] if held == "by an engine" else []
    while ticket := await world.take(queue):
        found.append(ticket)
        await world.ledger.settle(ticket)
    assert [ticket.token for ticket in found if ticket and ticket.job == "a"] == [1]


async def test_a_stage_that_has_gone_on_meanwhile_is_not_enqueued(world: World) -> None:
    queue = world.queue()
    await queue.create()
    stale = (await world.submit("a")).job
    ticket = await world.take(queue)
    assert stale
    assert ticket
    await world.start(ticket)
    await world.ledger.settle(ticket)  # a queue that has lost its running task
    await world.ledger.enqueue(stale)
    assert await world.take(queue) is None
    await world.ledger.transition(
        "a", lambda job, now: decide.lose(job, stage="only", token=1, now=now)
    )
    await world.ledger.enqueue(stale)
    again = await world.take(queue)
    assert again
    assert again.token == 2
    assert await world.take(queue) is None
