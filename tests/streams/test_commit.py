import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis.asyncio import Redis

from streams import decide
from streams.commit import FRESH_S, Clock, Committed, Ledger, Write
from streams.errors import LogMissing, Refused, SchemaTooNew, Stale, UnknownJob
from streams.events import EngineDrained, JobRequest, StageProgressed
from streams.job import Job, envelopes, fold
from streams.keys import Keys
from streams.log import Head, Log
from streams.script import Script
from streams.work import Queue
from tests.streams.conftest import Server
from tests.streams.story import AUDIO, HEARD, OUTPUT, SOLO


async def submit(ledger: Ledger, job: str, *, tenant: str = "t") -> Committed:
    return await ledger.transition(
        job,
        lambda state, now: decide.submit(
            state, job_id=job, tenant=tenant, request=JobRequest(), source=AUDIO, filename="a",
            plan=SOLO, now=now,
        ),
        tenant=tenant,
        meta={"by": "test"},
    )  # fmt: skip


async def start(ledger: Ledger, job: str, owner: str = "o") -> Committed:
    return await ledger.transition(
        job,
        lambda state, _: decide.start(
            state, stage="only", token=1, owner=owner, engine_version="1"
        ),
    )


async def finish(ledger: Ledger, job: str) -> Committed:
    return await ledger.transition(
        job,
        lambda state, now: decide.finish(
            state, stage="only", token=1, output=OUTPUT, usage=HEARD, now=now
        ),
    )


async def test_the_meta_of_a_transition_is_kept_with_each_event(ledger: Ledger, log: Log) -> None:
    done = await submit(ledger, "a")
    events = await log.read(0)
    assert [e.meta for e in events] == [{"by": "test"}] * 3
    assert fold(events) == done.job == await ledger.load("a")


async def test_without_a_log_nothing_is_written(redis: Redis, keys: Keys) -> None:
    with pytest.raises(LogMissing, match="no log here"):
        await submit(Ledger(redis, keys), "a")
    assert [key async for key in redis.scan_iter(f"{keys.base}*")] == []


async def test_an_ended_jobs_state_leaves_redis_after_a_day(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    await submit(ledger, "a")
    assert await redis.pttl(keys.job("a")) == -1
    await start(ledger, "a")
    await finish(ledger, "a")
    assert 23 * 3600_000 < await redis.pttl(keys.job("a")) <= 24 * 3600_000


async def test_a_job_that_has_left_redis_is_erased_by_what_is_known_of_it(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    await submit(ledger, "a")
    await start(ledger, "a")
    known = (await finish(ledger, "a")).job
    await redis.delete(keys.job("a"))
    with pytest.raises(UnknownJob):
        await ledger.transition("a", lambda job, _: decide.erase(job))
    done = await ledger.transition("a", lambda job, _: decide.erase(job), known=known)
    again = await ledger.transition("a", lambda job, _: decide.erase(job), known=known)
    assert done.job == again.job == fold(await log.read(0))
    assert done.job is not None
    assert done.job.erased
    assert (len(done.events), len(again.events)) == (1, 0)
    await redis.delete(keys.job("a"))
    last = await ledger.transition("a", lambda job, _: decide.erase(job), known=done.job)
    assert (last.job, last.events) == (done.job, ())


async def test_a_running_job_that_redis_does_not_know_is_not_made_up(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    known = (await submit(ledger, "a")).job
    await redis.delete(keys.job("a"))
    with pytest.raises(UnknownJob):
        await ledger.transition("a", lambda job, now: decide.cancel(job, now=now), known=known)


async def test_what_was_known_wrongly_is_looked_up_before_an_answer(ledger: Ledger) -> None:
    await submit(ledger, "a")
    stale = (await start(ledger, "a")).job
    ended = (await finish(ledger, "a")).job
    done = await ledger.transition("a", lambda _, __: (), known=stale)
    assert done.job == ended
    with pytest.raises(Refused, match="has succeeded"):
        await ledger.transition("a", lambda job, now: decide.cancel(job, now=now), known=stale)


async def test_the_state_of_a_newer_version_is_not_touched(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    known = (await submit(ledger, "a")).job
    await redis.hset(keys.job("a"), "schema", "99")
    with pytest.raises(SchemaTooNew, match="schema 99"):
        await start(ledger, "a")
    with pytest.raises(SchemaTooNew, match="schema 99"):
        await ledger.transition("a", lambda job, now: decide.cancel(job, now=now), known=known)


async def test_a_replica_is_told_of_by_any_version(
    redis: Redis, keys: Keys, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    fact = EngineDrained(engine="e", replica="e@h-0")
    monkeypatch.setattr("streams.commit.SCHEMA", 2)  # an upgraded one, before it was taken back
    await ledger.append("e@h-0", fact)
    monkeypatch.undo()
    assert await redis.hget(keys.job("e@h-0"), "schema") == b"1"
    await ledger.append("e@h-0", fact)


async def test_sixty_four_callers_on_one_job_lose_nothing(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    await submit(ledger, "a")
    await start(ledger, "a")

    async def count(n: int) -> None:
        def step(job: Any, _: datetime) -> decide.Facts:
            return (StageProgressed(stage="only", token=1, fraction=job.rev / 1000),)

        await Ledger(redis, keys).transition("a", step, meta={"n": str(n)})

    await asyncio.gather(*(count(n) for n in range(64)))
    events = await log.read(0)
    assert [e.seq for e in events] == list(range(1, 69))
    assert [e.rev for e in events] == list(range(1, 69))
    assert [e.prev for e in events] == ["", *(e.id for e in events[:-1])]
    assert Counter(e.meta["n"] for e in events[4:]) == Counter(str(n) for n in range(64))
    assert fold(events) == await ledger.load("a")


async def test_sixty_four_callers_on_many_jobs_lose_nothing(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    queue = Queue(redis, ledger, "toy")
    await queue.create()

    async def live(n: int) -> None:
        job = f"j{n % 16}"
        await submit(ledger, job)
        try:
            await start(ledger, job, owner=f"o{n % 3}")
            await finish(ledger, job)
        except Refused:
            pass  # a sibling was faster

    await asyncio.gather(*(live(n) for n in range(64)))
    events = await log.read(0)
    assert [e.seq for e in events] == list(range(1, 16 * 6 + 1))
    assert [e.prev for e in events] == ["", *(e.id for e in events[:-1])]
    for n in range(16):
        mine = [e for e in events if e.job == f"j{n}"]
        assert [e.rev for e in mine] == list(range(1, 7))
        assert fold(mine) == await ledger.load(f"j{n}")
        assert mine[-1].type == "job.succeeded"


async def test_a_server_killed_while_many_commit_keeps_each_acknowledged_event_once(
    own_valkey: Server, own_redis: Redis, keys: Keys
) -> None:
    await Log(own_redis, keys).create(Head(0, "", 1))
    ledger = Ledger(own_redis, keys)
    acknowledged: list[str] = []
    over = asyncio.Event()

    async def commit(caller: int) -> None:
        count = 0
        while not over.is_set():
            done = await submit(ledger, f"{caller}-{count}")
            acknowledged.extend(event.id for event in done.events)
            count += 1

    callers = [asyncio.create_task(commit(n)) for n in range(16)]
    for _ in range(3):
        await asyncio.sleep(0.3)
        assert own_valkey.child.pid is not None
        os.kill(own_valkey.child.pid, signal.SIGKILL)
        await asyncio.sleep(0.7)
    over.set()
    await asyncio.gather(*callers)
    events = await Log(own_redis, keys).read(0, count=1_000_000)
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert [e.prev for e in events] == ["", *(e.id for e in events[:-1])]
    there = Counter(event.id for event in events)
    assert set(there.values()) == {1}
    assert len(acknowledged) > 100
    assert set(acknowledged) == set(there), "none lost, and none that nobody was told of"


async def test_a_flood_of_ten_thousand_delays_another_tenant_by_a_few_dispatches(
    redis: Redis, keys: Keys, ledger: Ledger
) -> None:
    queue = Queue(redis, ledger, "toy")
    await queue.create()
    for start_ in range(0, 10_000, 500):
        await asyncio.gather(
            *(submit(ledger, f"a{n:05}", tenant="flood") for n in range(start_, start_ + 500))
        )
    await submit(ledger, "b", tenant="small")
    waited = 0
    while ticket := await queue.take("o", block_ms=100):
        await ledger.settle(ticket)
        if ticket.tenant == "small":
            break
        waited += 1
    assert waited <= 3
    depth = await queue.depth()
    assert depth.waiting == 10_000 - waited
    assert set(depth.tenants) == {"flood"}


def test_a_clock_without_news_says_the_time_here() -> None:
    assert abs((Clock().now() - datetime.now(UTC)).total_seconds()) < 1


def stood_still(ledger: Ledger, times: int) -> Callable[[], None]:
    """Have a process stand still for two minutes after each of so many decisions."""
    left = [times]

    def stand() -> None:
        if left[0]:
            left[0] -= 1
            ledger.clock.set(int(time.time()) - 120, 0, sent=time.monotonic())

    return stand


async def test_who_stood_still_begins_no_job_that_may_have_come_and_gone(
    ledger: Ledger, log: Log
) -> None:
    stand = stood_still(ledger, 1)

    def begin(state: Job | None, now: datetime) -> decide.Facts:
        stand()
        return decide.submit(
            state, job_id="a", tenant="t", request=JobRequest(), source=AUDIO, filename="a",
            plan=SOLO, now=now,
        )  # fmt: skip

    with pytest.raises(Stale, match="decided too long ago"):
        await ledger.transition("a", begin, tenant="t")
    assert await log.read(0) == []
    assert (await ledger.transition("a", begin, tenant="t")).job


async def test_who_stood_still_decides_again_on_a_job_that_goes_on(
    ledger: Ledger, log: Log
) -> None:
    await submit(ledger, "a")
    stand, decided = stood_still(ledger, 2), []

    def begin(state: Job | None, _: datetime) -> decide.Facts:
        stand()
        decided.append(state)
        return decide.start(state, stage="only", token=1, owner="o", engine_version="1")

    await ledger.transition("a", begin)
    assert len(decided) == 3
    assert [event.type for event in await log.read(0)][3:] == ["stage.started"]


async def test_a_commit_that_is_repeated_late_is_known_to_be_done(
    ledger: Ledger, redis: Redis, keys: Keys
) -> None:
    job = (await submit(ledger, "a")).job
    assert job
    facts = decide.start(job, stage="only", token=1, owner="o", engine_version="1")
    now = ledger.clock.now() - timedelta(seconds=FRESH_S - 1)
    events = tuple(envelopes(job, facts, now=now, ids=["x"]))
    write = Write(job_id="a", rev=job.rev, state=fold(events, job), events=events)
    commit, names = Script(redis, "commit.lua"), [keys.log, keys.head, keys.job("a")]
    for engine in write.touched():
        names += keys.engine(engine)
    first = await commit(names, write.arguments(write.touched()))
    await asyncio.sleep(2)
    again = await commit(names, write.arguments(write.touched()))
    assert first[:2] == again[:2] == [b"OK", job.rev + 1]
