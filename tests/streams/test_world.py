"""Many jobs, workers that die, zombies that wake, people who cancel: at random, then the audit.

The same on the twin (many seeds) and on a real server (a few).
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from redis.asyncio import Redis

from streams import decide
from streams.commit import Ledger, Ticket
from streams.errors import Refused
from streams.events import Budget, Event, FailureKind, JobRequest, PlannedStage, StageCompleted
from streams.job import Job, fold
from streams.keys import Keys
from streams.log import Log
from streams.testing import MemoryLedger, MemoryQueue
from streams.work import Depth, Queue
from tests.streams.story import AUDIO, CHAIN, FORK, HEARD, OUTPUT

HOURS = timedelta(hours=5)
SHORT = Budget(failed=2, lost=2, preempted=2)
TIGHT = tuple(
    PlannedStage(
        name=n.name, engine=n.engine, needs=n.needs, required=n.required, budget=SHORT
    )
    for n in FORK
)  # fmt: skip
PLANS = (CHAIN, FORK, TIGHT)
ENGINES = sorted({node.engine for plan in PLANS for node in plan})
KINDS: list[FailureKind] = ["error", "error", "crash", "input", "unavailable"]
Decided = Callable[[Job | None, datetime], decide.Facts]


@dataclass
class Worker:
    """A replica with at most one task; a name outlives its deaths."""

    name: str
    queue: Queue
    ticket: Ticket | None = None
    started: bool = False


@dataclass
class World:
    """Everybody, and what they did."""

    ledger: Ledger
    queues: dict[str, Queue]
    chance: random.Random
    jobs: list[str] = field(default_factory=list)
    zombies: list[Ticket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workers = [
            Worker(f"{engine}@h-{slot}", self.queues[engine])
            for engine in ENGINES
            for slot in range(2)
        ]

    async def tell(self, job: str, decided: Decided, settle: Ticket | None = None) -> bool:
        """One transition; a refused one settles its ticket all the same."""
        try:
            await self.ledger.transition(job, decided, tenant="t", settle=settle)
        except Refused:
            if settle:
                await self.ledger.settle(settle)
            return False
        return True

    async def submit(self) -> None:
        name = f"j{len(self.jobs):03}"
        plan = self.chance.choice(PLANS)
        request = JobRequest(
            priority=self.chance.randint(-1, 1), deadline_s=self.chance.choice([None, None, 3600.0])
        )
        tenant = self.chance.choice(["a", "b"])
        await self.ledger.transition(
            name,
            lambda job, now: decide.submit(
                job, job_id=name, tenant=tenant, request=request, source=AUDIO, filename="f",
                plan=plan, now=now,
            ),
            tenant=tenant,
        )  # fmt: skip
        self.jobs.append(name)

    async def work(self, worker: Worker, *, well: bool = False) -> None:
        """One step of a worker: take, start, or bring to an end."""
        if worker.ticket is None:
            worker.ticket = await worker.queue.take(worker.name, block_ms=1)
            worker.started = False
            return
        t = worker.ticket
        if not worker.started:
            worker.started = await self.tell(
                t.job,
                lambda job, _: decide.start(
                    job, stage=t.stage, token=t.token, owner=worker.name, engine_version="1"
                ),
            )
            if not worker.started:
                await self.ledger.settle(t)
                worker.ticket = None
            return
        await self.end(t, well=well, answer=await worker.queue.renew(worker.name, t))
        worker.ticket = None

    async def end(self, t: Ticket, *, well: bool, answer: str) -> None:
        """Finish or fail, as a worker or as a zombie."""

        def stop(job: Job | None, now: datetime) -> decide.Facts:
            return decide.stop(job, stage=t.stage, token=t.token, now=now)

        def finish(job: Job | None, now: datetime) -> decide.Facts:
            return decide.finish(
                job, stage=t.stage, token=t.token, output=OUTPUT, usage=HEARD, now=now
            )

        def fail(job: Job | None, now: datetime) -> decide.Facts:
            return decide.fail(
                job, stage=t.stage, token=t.token, kind=kind, reason="r", now=now, chance=0.5
            )

        kind = self.chance.choice(KINDS)
        if answer == "cancelled" and self.chance.random() < 0.7:
            await self.tell(t.job, stop, settle=t)
        elif well or self.chance.random() < 0.7:
            await self.tell(t.job, finish, settle=t)
        else:
            await self.tell(t.job, fail, settle=t)

    async def timers(self) -> None:
        """What the projector does: lost leases, retries, deadlines."""
        held = {worker.ticket for worker in self.workers}
        for queue in self.queues.values():
            for t in await queue.lost(0):
                if t not in held:
                    await self.tell(
                        t.job,
                        lambda job, now, t=t: decide.lose(  # type: ignore[misc]
                            job, stage=t.stage, token=t.token, now=now
                        ),
                        settle=t,
                    )
        for name in self.jobs:
            job = await self.ledger.load(name)
            for stage in job.stages if job else ():
                await self.tell(
                    name,
                    lambda job, now, stage=stage: decide.retry_due(  # type: ignore[misc]
                        job, stage=stage, now=now + timedelta(minutes=10)
                    ),
                )

    async def step(self) -> None:
        """One thing happens."""
        worker = self.chance.choice(self.workers)
        match self.chance.randrange(20):
            case 0 | 1:
                await self.submit()
            case 2 if worker.ticket:
                if worker.started:
                    self.zombies.append(worker.ticket)
                worker.ticket = None
            case 3 if self.zombies:
                await self.end(self.chance.choice(self.zombies), well=True, answer="ok")
            case 4:
                await self.timers()
            case 5 if self.jobs:
                name = self.chance.choice(self.jobs)
                await self.tell(name, self.chance.choice([cancel, unpark, unpark, late, late]))
            case 6 if self.jobs:
                job = await self.ledger.load(self.chance.choice(self.jobs))
                if job and self.chance.random() < 0.3:
                    await self.ledger.enqueue(job)
            case _:
                await self.work(worker)

    async def settle_down(self) -> None:
        """Nothing goes wrong any more: everybody works until there is nothing to do."""
        for _ in range(400):
            await self.timers()
            for name in self.jobs:
                await self.tell(name, unpark)
            for worker in self.workers:
                await self.work(worker, well=True)
            if all(w.ticket is None for w in self.workers) and await self.over():
                return
        raise AssertionError("it never comes to rest")

    async def over(self) -> bool:
        depths = [await queue.depth() for queue in self.queues.values()]
        jobs = [await self.ledger.load(name) for name in self.jobs]
        return all(depth == Depth(0, 0, {}) for depth in depths) and all(
            job is not None and job.terminal for job in jobs
        )


def cancel(job: Job | None, now: datetime) -> decide.Facts:
    return decide.cancel(job, now=now)


def unpark(job: Job | None, now: datetime) -> decide.Facts:
    return decide.unpark(job, now=now)


def late(job: Job | None, now: datetime) -> decide.Facts:
    return decide.expire(job, now=now + HOURS)


async def audit(world: World, events: list[Event]) -> Counter[str]:
    """The invariants; how the jobs ended."""
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert [e.prev for e in events] == ["", *(e.id for e in events[:-1])]
    assert len({e.id for e in events}) == len(events)
    ends: Counter[str] = Counter()
    for name in world.jobs:
        mine = [e for e in events if e.job == name]
        assert [e.rev for e in mine] == list(range(1, len(mine) + 1))
        job = fold(mine)
        assert job == await world.ledger.load(name)
        assert job is not None
        assert job.terminal
        ends[job.status] += 1
        completed = [e.fact.stage for e in mine if isinstance(e.fact, StageCompleted)]
        assert len(completed) == len(set(completed))
        asked = next((e.rev for e in mine if e.type == "job.cancel_requested"), None)
        after = [e.type for e in mine if asked and e.rev > asked]
        assert not {"stage.started", "stage.completed", "stage.ready"} & set(after)
    return ends


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_happens_every_job_ends_and_nothing_is_left(seed: int) -> None:
    ledger = MemoryLedger()
    queues: dict[str, Queue] = {name: MemoryQueue(ledger, name) for name in ENGINES}
    world = World(ledger, queues, random.Random(seed))
    for _ in range(300):
        await world.step()
    await world.settle_down()
    await audit(world, ledger.log)
    assert not any(line.ends or line.backlog for line in ledger.lines.values())


@pytest.mark.parametrize("seed", range(1))
async def test_the_same_on_a_real_server(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log, seed: int
) -> None:
    queues = {name: Queue(redis, ledger, name) for name in ENGINES}
    for queue in queues.values():
        await queue.create()
    world = World(ledger, queues, random.Random(seed))
    for _ in range(200):
        await world.step()
    await world.settle_down()
    await audit(world, await log.read(0, count=1_000_000))
    left = {key async for key in redis.scan_iter(f"{keys.base}*", count=1000)}
    owned = {keys.log, keys.head, *(keys.queue(name) for name in ENGINES)}
    owned |= {keys.job(name) for name in world.jobs}
    assert {key.decode() for key in left} == owned
    for name in world.jobs:
        assert await redis.pttl(keys.job(name)) > 0
