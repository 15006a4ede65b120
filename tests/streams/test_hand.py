"""A task goes from one consumer to another: only from its owner, only to one that is free, once."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from redis.asyncio import Redis

from streams import decide
from streams.commit import Ledger, Ticket
from streams.errors import Fenced
from streams.events import JobRequest
from streams.work import Queue
from tests.streams.story import AUDIO, SOLO

Submit = Callable[..., Awaitable[None]]
AWAKE_MS = 1000


@pytest.fixture
async def queue(redis: Redis, ledger: Ledger) -> Queue:
    queue = Queue(redis, ledger, "toy")
    await queue.create()
    return queue


@pytest.fixture
def taken(queue: Queue, ledger: Ledger) -> Callable[[str], Awaitable[Ticket]]:
    async def taken(consumer: str, job: str = "a") -> Ticket:
        await ledger.transition(
            job,
            lambda state, now: decide.submit(
                state, job_id=job, tenant="t", request=JobRequest(), source=AUDIO, filename="a",
                plan=SOLO, now=now,
            ),
            tenant="t",
        )  # fmt: skip
        ticket = await queue.take(consumer, block_ms=50)
        assert ticket is not None
        return ticket

    return taken


Taken = Callable[..., Awaitable[Ticket]]


async def test_a_task_goes_to_a_free_consumer_with_a_whole_lease(
    queue: Queue, taken: Taken, ledger: Ledger
) -> None:
    ticket = await taken("one")
    assert await queue.look("other") == []
    await asyncio.sleep(0.3)
    assert await queue.free(AWAKE_MS) == ["other"]
    assert await queue.hand("one", ticket, "other", awake_ms=AWAKE_MS) == "handed"
    assert await queue.held("one") == []
    assert await queue.held("other") == [ticket]
    assert await queue.look("other") == [ticket]
    assert await queue.lost(0.25) == [], "the lease began anew"
    await ledger.transition(
        ticket.job,
        lambda job, _: decide.start(
            job, stage=ticket.stage, token=1, owner="other", engine_version="1"
        ),
    )
    assert await queue.renew("one", ticket) == "fenced"
    assert await queue.renew("other", ticket) == "ok"
    assert await queue.free(AWAKE_MS) == ["one"]


async def test_a_hand_over_is_done_once_however_often_it_is_asked_for(
    queue: Queue, taken: Taken
) -> None:
    ticket = await taken("one")
    await queue.look("other")
    assert await queue.hand("one", ticket, "other", awake_ms=AWAKE_MS) == "handed"
    assert await queue.hand("one", ticket, "other", awake_ms=AWAKE_MS) == "gone"
    assert await queue.held("other") == [ticket]


async def test_a_busy_consumer_gets_nothing(queue: Queue, taken: Taken) -> None:
    mine, other = await taken("one", "a"), await taken("other", "b")
    assert await queue.free(AWAKE_MS) == []
    assert await queue.hand("one", mine, "other", awake_ms=AWAKE_MS) == "kept"
    assert await queue.held("one") == [mine]
    assert await queue.held("other") == [other]


async def test_two_that_hand_over_at_once_do_not_both_reach_the_same_one(
    queue: Queue, taken: Taken
) -> None:
    tickets = {f"o{n}": await taken(f"o{n}", f"j{n}") for n in range(8)}
    await queue.look("idle")
    answers = await asyncio.gather(
        *(queue.hand(name, one, "idle", awake_ms=AWAKE_MS) for name, one in tickets.items())
    )
    assert sorted(answers) == ["handed"] + ["kept"] * 7


@pytest.mark.parametrize("why", ["never there", "left", "silent"])
async def test_one_that_does_not_ask_for_work_gets_none(
    queue: Queue, taken: Taken, why: str
) -> None:
    ticket = await taken("one")
    if why != "never there":
        await queue.look("other")
    if why == "left":
        await queue.forget("other")
    if why == "silent":
        await asyncio.sleep(0.2)
    assert await queue.free(100) == []
    assert await queue.hand("one", ticket, "other", awake_ms=100) == "kept"
    assert await queue.held("one") == [ticket]


async def test_what_is_lost_or_done_cannot_be_handed_over(
    queue: Queue, taken: Taken, ledger: Ledger, redis: Redis
) -> None:
    ticket = await taken("one")
    await queue.look("other")
    await ledger.settle(ticket)
    assert await queue.hand("one", ticket, "other", awake_ms=AWAKE_MS) == "gone"
    assert await queue.held("other") == []
    await redis.delete(queue.key)
    assert await queue.hand("one", ticket, "other", awake_ms=AWAKE_MS) == "gone"


async def test_a_receiver_that_dies_before_it_looks_loses_the_task_to_the_lease(
    queue: Queue, taken: Taken, ledger: Ledger
) -> None:
    ticket = await taken("one")
    await queue.look("other")
    await queue.hand("one", ticket, "other", awake_ms=AWAKE_MS)
    await asyncio.sleep(0.3)
    assert await queue.lost(0.25) == [ticket]
    await ledger.transition(
        ticket.job,
        lambda job, now: decide.lose(job, stage=ticket.stage, token=ticket.token, now=now),
        settle=ticket,
    )
    again = await queue.take("one", block_ms=50)
    assert again is not None
    assert (again.job, again.token) == (ticket.job, 2)
    with pytest.raises(Fenced):
        await ledger.transition(
            ticket.job,
            lambda job, _: decide.start(
                job, stage=ticket.stage, token=1, owner="other", engine_version="1"
            ),
        )


async def test_a_look_forgets_what_is_no_task_or_gone(
    queue: Queue, taken: Taken, redis: Redis
) -> None:
    ticket, gone = await taken("one", "a"), await taken("one", "b")
    await redis.xdel(queue.key, gone.entry)
    await redis.xadd(queue.key, {"odd": "1"})
    await redis.xreadgroup("engines", "one", {queue.key: ">"})
    assert await queue.look("one") == [ticket]
    assert (await queue.depth()).running == 1


async def test_a_look_at_a_queue_that_is_gone_makes_it_again(queue: Queue, redis: Redis) -> None:
    await redis.delete(queue.key)
    assert await queue.look("one") == []
    assert await redis.exists(queue.key)
