"""The real scripts and their twin, told the same at random, step by step."""

import random
from typing import Any

from msgspec.structs import replace
from redis.asyncio import Redis

from streams.commit import Ledger, Ticket, Write
from streams.events import (
    AnyFact,
    Event,
    StageProgressed,
    StageReady,
    StageStarted,
    decode_fact,
    type_of,
)
from streams.keys import Keys
from streams.log import Log
from streams.testing import MemoryLedger, MemoryQueue
from streams.work import Queue
from tests.streams.audit import audit, snapshot
from tests.streams.story import AHEAD, Story

ENGINES = ("e0", "e1", "e2")
OWNERS = ("o", "p")
STEPS = (
    "commit", "commit", "commit", "commit", "take", "take", "settle", "release", "requeue",
    "requeue", "repeat", "renew", "look", "forget", "end", "expire",
)  # fmt: skip


class Pair:
    """Both sides, and a record of what they were told."""

    def __init__(self, redis: Redis, keys: Keys, chance: random.Random) -> None:
        self.redis = redis
        self.keys = keys
        self.real = Ledger(redis, keys)
        self.twin = MemoryLedger()
        self.queues = {
            name: (Queue(redis, self.real, name), MemoryQueue(self.twin, name)) for name in ENGINES
        }
        self.chance = chance
        self.revs = {f"j{n}": 0 for n in range(4)}
        self.over: set[str] = set()
        self.ready: list[Event] = []
        self.done: list[Write] = []
        self.taken: list[tuple[Ticket, Ticket]] = []
        self.count = 0

    async def step(self) -> None:
        """One of STEPS, on both."""
        await getattr(self, self.chance.choice(STEPS))()

    async def commit(self) -> None:
        await self.tell(self.write())

    async def end(self) -> None:
        """A job ends: from now on its state has a time to live."""
        write = self.write()
        if write.state and (await self.tell(write))[0] == b"OK":
            self.over.add(write.job_id)
            await self.tell(self.write(write.job_id))

    async def expire(self) -> None:
        """The state of a job that has ended leaves both."""
        for job in self.over:
            await self.redis.delete(self.keys.job(job))
            self.twin.jobs.pop(job, None)

    async def settle(self) -> None:
        await self.tell(Write(settled=self.settled(1)))

    async def release(self) -> None:
        await self.tell(Write(engines=(self.chance.choice(ENGINES),)))

    async def requeue(self) -> None:
        """Tasks of before, whether a queue holds them or not, in one engine or several."""
        job = self.chance.choice(list(self.revs))
        ready = [event for event in self.ready if event.job == job]
        again = tuple(self.chance.sample(ready, min(len(ready), 3)))
        if again:
            await self.tell(Write(job_id=job, rev=self.rev(job), again=again))

    async def repeat(self) -> None:
        """A commit of before once more, whatever has happened since.

        Not one that was refused, for that may be right by now; nor the first of a job whose state
        has left: nobody repeats it so late, see STALE in the script.
        """
        done = [write for write in self.done[-5:] if write.rev or write.job_id in self.twin.jobs]
        if done:
            write = self.chance.choice(done)
            before = await snapshot(self.redis, self.keys)
            await self.tell(replace(write, ended=False))
            assert await snapshot(self.redis, self.keys) == before, "told twice"

    async def take(self) -> None:
        """Both give the same task, or none."""
        real, twin = self.queues[self.chance.choice(ENGINES)]
        owner = self.chance.choice(OWNERS)
        got, same = await real.take(owner, block_ms=1), await twin.take(owner, block_ms=1)
        assert (got is None) == (same is None)
        if got and same:
            assert replace(got, entry="") == replace(same, entry="")
            self.taken.append((got, same))

    async def renew(self) -> None:
        if self.taken:
            ticket, twins = self.chance.choice(self.taken)
            real, twin = self.queues[ticket.engine]
            owner = self.chance.choice(OWNERS)
            assert await real.renew(owner, ticket) == await twin.renew(owner, twins)

    async def forget(self) -> None:
        real, twin = self.queues[self.chance.choice(ENGINES)]
        owner = self.chance.choice(OWNERS)
        assert await real.forget(owner) == await twin.forget(owner)

    async def look(self) -> None:
        """Who holds what, and what waits."""
        for real, twin in self.queues.values():
            assert await real.depth() == await twin.depth()
            assert _which(await real.lost(0)) == _which(await twin.lost(0))
            assert await real.lost(60) == []
            for owner in OWNERS:
                assert _which(await real.held(owner)) == _which(await twin.held(owner))

    def rev(self, job: str) -> int:
        """The right revision four times out of five; always when no state is left to check it."""
        off = self.chance.choice([0, 0, 0, 0, self.chance.choice([-2, -1, 1, 5])])
        left = job in self.over and job not in self.twin.jobs
        return self.revs[job] if left else max(0, self.revs[job] + off)

    def fact(self) -> AnyFact:
        engine = self.chance.choice(ENGINES)
        self.count += 1
        stage = f"s{self.count}"
        match self.chance.randrange(4):
            case 0:
                return StageProgressed(stage=stage, token=1, fraction=0.5)
            case 1:
                return StageStarted(stage=stage, token=1, engine=engine, owner="o")
            case _:
                cost = self.chance.choice([0.0, 0.125, self.chance.random() * 40, 7.0])
                priority = self.chance.choice([0, 0, 0, 1, -1])
                ahead = self.chance.random() < 0.2
                return StageReady(
                    stage=stage, token=1, engine=engine, cost=cost, priority=priority, ahead=ahead
                )

    def write(self, job: str = "") -> Write:
        """A commit of up to four events that settles up to three entries."""
        job = job or self.chance.choice(list(self.revs))
        rev = self.rev(job)
        tenant = self.chance.choice(["t0", "t1", "t|2"])
        facts = [self.fact() for _ in range(self.chance.randint(1, 4))]
        events = tuple(
            Event(
                id=f"{job}-{self.count}-{n}", type=type_of(fact), time=AHEAD, job=job,
                rev=rev + 1 + n, tenant=tenant, fact=fact, meta={"by": "test"} if n else {},
            )
            for n, fact in enumerate(facts)
        )  # fmt: skip
        status = "succeeded" if job in self.over else "running"
        state = replace(Story().job, id=job, rev=rev + len(events), status=status)
        return Write(
            job_id=job, rev=rev, state=state, events=events, settled=self.settled(0.3),
            ended=job in self.over,
        )  # fmt: skip

    def settled(self, likely: float) -> tuple[Ticket, ...]:
        """Real tickets, some of them settled before; `twinned` gives the twin's."""
        if not self.taken or self.chance.random() > likely:
            return ()
        some = self.chance.sample(self.taken, min(len(self.taken), self.chance.randint(1, 3)))
        return tuple(ticket for ticket, _ in some)

    def twinned(self, write: Write) -> Write:
        twin_of = dict(self.taken)
        return replace(write, settled=tuple(twin_of[ticket] for ticket in write.settled))

    async def tell(self, write: Write) -> list[Any]:
        """Both get the same and must answer the same; at once again it changes nothing."""
        real = await self.real._send(write)
        twin = await self.twin._send(self.twinned(write))
        assert real[:3] == twin[:3]
        if write.events and real[0] == b"OK":
            self.done.append(write)
            self.revs[write.job_id] = int(real[1])
            self.ready += [e for e in write.events if isinstance(e.fact, StageReady)]
        if self.chance.random() < 0.2 and not (write.ended and real[0] == b"CONFLICT"):
            before = await snapshot(self.redis, self.keys)
            again = await self.real._send(write)
            assert (again[0], await snapshot(self.redis, self.keys)) == (real[0], before)
        return real

    async def compare(self) -> None:
        """All that the keys hold is what the twin holds."""
        await audit(self.redis, self.keys)
        entries: Any = await self.redis.xrange(self.keys.log)
        seen = [
            (e, f[b"id"], f[b"prev"], f[b"job"], int(f[b"rev"]), f[b"tenant"], f[b"epoch"],
             decode_fact(f[b"type"].decode(), f[b"data"]), f[b"meta"])
            for e, f in entries
        ]  # fmt: skip
        assert seen == [
            (f"{e.seq}-0".encode(), e.id.encode(), e.prev.encode(), e.job.encode(), e.rev,
             e.tenant.encode(), b"1", e.fact, b'{"by":"test"}' if e.meta else b"{}")
            for e in self.twin.log
        ]  # fmt: skip
        head = await Log(self.redis, self.keys).head()
        assert head is not None
        assert head.seq == len(self.twin.log)
        for job in self.revs:
            await self.compare_job(job)
        for engine in ENGINES:
            await self.compare_line(engine)

    async def compare_job(self, job: str) -> None:
        held: Any = await self.redis.hmget(self.keys.job(job), "rev", "state", "last")
        kept = self.twin.jobs.get(job)
        assert held == (
            [str(kept.rev).encode(), kept.state, kept.last.encode()] if kept else [None] * 3
        )
        over = bool(kept) and b'"succeeded"' in held[1]
        assert (await self.redis.pttl(self.keys.job(job)) > 0) == over

    async def compare_line(self, engine: str) -> None:
        line = self.twin.line(engine)
        backlog: Any = await self.redis.zrange(self.keys.backlog(engine), 0, -1, withscores=True)
        assert {member.decode(): score for member, score in backlog} == line.backlog
        stream: Any = await self.redis.xrange(self.keys.queue(engine))
        waiting = [*line.taken.values(), *line.waiting.values()]
        assert [f[b"stage"].decode() for _, f in stream] == [t.stage for t in sorted(
            waiting, key=lambda ticket: int(ticket.entry.partition("-")[0])
        )]  # fmt: skip
        fair: Any = await self.redis.hgetall(self.keys.fair(engine))
        ends = {k.decode()[2:]: float(v) for k, v in fair.items() if k != b"v"}
        assert ends == line.ends
        assert float(fair.get(b"v", 0)) == line.v


def _which(tickets: list[Ticket]) -> list[tuple[str, str]]:
    return sorted((ticket.job, ticket.stage) for ticket in tickets)
