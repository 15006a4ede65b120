import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from streams import decide
from streams.commit import RELEASE_WINDOW, Ledger, Ticket
from streams.errors import Fenced
from streams.events import JobRequest
from streams.keys import Keys
from streams.work import SAMPLE, Depth, Queue
from tests.streams.story import AUDIO, HEARD, OUTPUT, SOLO

Submit = Callable[..., Awaitable[None]]


@pytest.fixture
async def queue(redis: Redis, ledger: Ledger) -> Queue:
    queue = Queue(redis, ledger, "toy")
    await queue.create()
    return queue


@pytest.fixture
def submit(ledger: Ledger) -> Submit:
    async def submit(job: str, tenant: str = "t") -> None:
        await ledger.transition(
            job,
            lambda state, now: decide.submit(
                state, job_id=job, tenant=tenant, request=JobRequest(), source=AUDIO, filename="a",
                plan=SOLO, now=now,
            ),
            tenant=tenant,
        )  # fmt: skip

    return submit


async def taken(queue: Queue, consumer: str = "o") -> Ticket:
    ticket = await queue.take(consumer, block_ms=50)
    assert ticket is not None
    return ticket


async def start(ledger: Ledger, ticket: Ticket, owner: str = "o") -> None:
    await ledger.transition(
        ticket.job,
        lambda job, _: decide.start(
            job, stage=ticket.stage, token=ticket.token, owner=owner, engine_version="1"
        ),
    )


async def test_a_waiting_worker_is_woken_by_a_commit(queue: Queue, submit: Submit) -> None:
    waiting = asyncio.create_task(queue.take("o", block_ms=5000))
    await asyncio.sleep(0.05)
    async with asyncio.timeout(1):
        await submit("a")
        ticket = await waiting
    assert ticket is not None
    assert ticket.job == "a"


async def test_every_task_goes_to_one_worker(queue: Queue, submit: Submit, ledger: Ledger) -> None:
    seen: list[str] = []
    jobs = [f"j{n:03}" for n in range(100)]

    async def work(name: str) -> None:
        while len(seen) < len(jobs):
            if ticket := await queue.take(name, block_ms=200):
                seen.append(ticket.job)
                await ledger.settle(ticket)

    workers = [asyncio.create_task(work(f"w{n}")) for n in range(8)]
    await asyncio.gather(*(submit(job) for job in jobs))
    await asyncio.gather(*workers)
    assert sorted(seen) == jobs


async def test_the_stream_holds_no_more_than_the_window_undelivered(
    queue: Queue, submit: Submit, redis: Redis, ledger: Ledger
) -> None:
    for n in range(10):
        await submit(f"j{n}")
    assert await redis.xlen(queue.key) == RELEASE_WINDOW
    ticket = await taken(queue)
    await start(ledger, ticket)
    assert await redis.xlen(queue.key) == RELEASE_WINDOW + 1, "one is under way, the next came"


async def test_a_lost_wake_up_is_healed_by_the_next_look(
    queue: Queue, submit: Submit, redis: Redis
) -> None:
    for n in range(5):
        await submit(f"j{n}")
    await redis.xtrim(queue.key, maxlen=0)
    assert await queue.take("o", block_ms=10) is None
    assert (await taken(queue)).job == "j2"


@pytest.mark.parametrize("when", ["before", "while it waits"])
async def test_a_deleted_queue_is_made_again(
    queue: Queue, submit: Submit, redis: Redis, when: str
) -> None:
    if when == "before":
        await redis.delete(queue.key)
    waiting = asyncio.create_task(queue.take("o", block_ms=2000))
    await asyncio.sleep(0.1)
    await redis.delete(queue.key)
    async with asyncio.timeout(5):
        assert await waiting is None
        await submit("a")
        for _ in range(2):
            if ticket := await queue.take("o", block_ms=50):
                break
    assert ticket is not None
    assert ticket.job == "a"


async def test_tasks_from_before_the_group_are_not_passed_over(
    redis: Redis, ledger: Ledger, submit: Submit
) -> None:
    await submit("early")
    queue = Queue(redis, ledger, "toy")
    assert await queue.take("o", block_ms=10) is None, "the group is made only now"
    assert (await taken(queue)).job == "early"


async def test_without_a_group_nothing_is_held_lost_or_running(
    redis: Redis, ledger: Ledger, submit: Submit
) -> None:
    queue = Queue(redis, ledger, "toy")
    assert await queue.depth() == Depth(0, 0, {})
    await submit("a")
    assert await queue.held("o") == []
    assert await queue.lost(0.01) == []
    assert await queue.forget("o") is True
    assert await queue.depth() == Depth(1, 0, {"t": 1})
    ticket = Ticket("toy", "1-1", "a", "only", 1)
    assert await queue.renew("o", ticket) == "fenced"


async def test_a_lease_lasts_as_long_as_its_owner_renews(
    queue: Queue, submit: Submit, ledger: Ledger
) -> None:
    await submit("a")
    ticket = await taken(queue)
    await start(ledger, ticket)
    for _ in range(6):
        await asyncio.sleep(0.1)
        assert await queue.renew("o", ticket) == "ok"
        assert await queue.lost(0.3) == []
    await asyncio.sleep(0.35)
    assert await queue.lost(0.3) == [ticket]


async def test_only_the_owner_renews(queue: Queue, submit: Submit, ledger: Ledger) -> None:
    await submit("a")
    ticket = await taken(queue)
    await start(ledger, ticket)
    await asyncio.sleep(0.1)
    assert await queue.renew("thief", ticket) == "fenced"
    assert await queue.lost(0.1) == [ticket], "the thief kept nothing alive"
    assert await queue.held("thief") == []
    assert await queue.held("o") == [ticket]


async def test_a_zombie_hears_that_it_is_fenced_and_can_do_nothing(
    queue: Queue, submit: Submit, ledger: Ledger
) -> None:
    await submit("a")
    old = await taken(queue)
    await start(ledger, old)
    await ledger.transition(
        "a", lambda job, now: decide.lose(job, stage="only", token=1, now=now), settle=old
    )
    assert await queue.renew("o", old) == "fenced"
    with pytest.raises(Fenced):
        await ledger.transition(
            "a",
            lambda job, now: decide.finish(
                job, stage="only", token=1, output=OUTPUT, usage=HEARD, now=now
            ),
            settle=old,
        )
    await ledger.settle(old)
    new = await taken(queue, "p")
    assert new.token == 2
    assert await queue.held("p") == [new], "the zombie settled its own entry only"


async def test_the_job_of_a_task_that_redis_lost_is_fenced(
    queue: Queue, submit: Submit, ledger: Ledger, redis: Redis, keys: Keys
) -> None:
    await submit("a")
    ticket = await taken(queue)
    await start(ledger, ticket)
    await redis.delete(keys.job("a"))
    assert await queue.renew("o", ticket) == "fenced"


async def test_an_entry_that_was_deleted_but_not_acknowledged_is_forgotten(
    queue: Queue, submit: Submit, redis: Redis
) -> None:
    await submit("a")
    ticket = await taken(queue)
    await redis.xdel(queue.key, ticket.entry)
    assert await queue.lost(0) == []
    assert await queue.held("o") == []
    assert (await queue.depth()).running == 0


async def test_what_is_held_and_lost_is_found_however_much_it_is(
    queue: Queue, redis: Redis, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.work.PAGE", 10)
    for n in range(95):
        await redis.xadd(
            queue.key, {"job": f"j{n:02}", "stage": "only", "token": "1", "tenant": "t"}
        )
    await redis.xreadgroup(keys.GROUP, "o", {queue.key: ">"}, count=95)
    first: Any = await redis.xrange(queue.key, count=15)
    await redis.xdel(queue.key, *(entry for entry, _ in first))
    for found in (await queue.lost(0), await queue.held("o")):
        assert [ticket.job for ticket in found] == [f"j{n:02}" for n in range(15, 95)]
    assert (await queue.depth()).running == 80, "what was deleted is forgotten"


STRANGE: list[dict[Any, Any]] = [
    {"x": "y"}, {"job": "a", "stage": "only", "token": "one", "tenant": "t"},
    {"job": b"\xff", "stage": "only", "token": "1", "tenant": "t"},
]  # fmt: skip


@pytest.mark.parametrize("fields", STRANGE)
async def test_an_entry_that_is_no_task_harms_nobody(
    queue: Queue, submit: Submit, redis: Redis, keys: Keys, fields: dict[Any, Any]
) -> None:
    await redis.xadd(queue.key, fields)
    await submit("a")
    assert await queue.take("o", block_ms=50) is None
    assert (await taken(queue)).job == "a"
    await redis.xadd(queue.key, fields)
    await redis.xreadgroup(keys.GROUP, "dead", {queue.key: ">"}, count=1)
    assert await queue.depth() == Depth(0, 2, {})
    assert await queue.held("dead") == []
    assert [ticket.job for ticket in await queue.lost(0)] == ["a"]
    assert await redis.xlen(queue.key) == 1


async def test_the_depth_counts_all_and_names_the_next_tenants(
    queue: Queue, redis: Redis, keys: Keys
) -> None:
    many: dict[Any, Any] = {f"j{n}|only|1|t|{n % 2}": n for n in range(SAMPLE + 500)}
    await redis.zadd(keys.backlog("toy"), many)
    depth = await queue.depth()
    assert depth.waiting == SAMPLE + 500
    assert depth.tenants == {"t|0": SAMPLE // 2, "t|1": SAMPLE // 2}


async def test_forgetting_never_loses_a_task(queue: Queue, submit: Submit, ledger: Ledger) -> None:
    """A consumer that takes a task while it is being forgotten keeps it, or another gets it."""
    chance = random.Random(3)
    for n in range(60):
        await submit(f"j{n}")
        taking = asyncio.create_task(queue.take("o", block_ms=100))
        await asyncio.sleep(chance.random() * 0.002)
        forgotten, ticket = await asyncio.gather(queue.forget("o"), taking)
        if ticket is None:
            ticket = await taken(queue, "p")
        elif forgotten:
            assert await queue.held("o") == [ticket]
        await ledger.settle(ticket)
    assert (await queue.depth()) == Depth(0, 0, {})


async def test_a_key_of_another_type_is_an_error_and_not_an_empty_queue(
    redis: Redis, ledger: Ledger
) -> None:
    queue = Queue(redis, ledger, "toy")
    await redis.set(queue.key, "x")
    for call in (queue.take("o", block_ms=1), queue.held("o"), queue.create(), queue.depth()):
        with pytest.raises(ResponseError, match="WRONGTYPE"):
            await call


async def test_a_queue_at_rest_leaves_its_group_and_nothing_else(
    queue: Queue, submit: Submit, ledger: Ledger, redis: Redis, keys: Keys
) -> None:
    for n in range(5):
        await submit(f"j{n}")
    while ticket := await queue.take("o", block_ms=20):
        await ledger.settle(ticket)
    assert await redis.exists(keys.backlog("toy"), keys.fair("toy")) == 0
    assert await redis.xlen(queue.key) == 0
    assert (await redis.xpending(queue.key, keys.GROUP))["pending"] == 0
