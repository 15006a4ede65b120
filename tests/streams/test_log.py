import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from streams.commit import Ledger
from streams.errors import LogInconsistent, LogMissing
from streams.events import EngineDrained, Event
from streams.keys import Keys
from streams.log import Head, Log

FACT = EngineDrained(engine="toy", replica="toy@h-0")


async def append(ledger: Ledger, count: int = 1) -> None:
    for _ in range(count):
        await ledger.append("toy@h-0", FACT)


async def next_of(batches: AsyncIterator[list[Event]]) -> list[int]:
    async with asyncio.timeout(5):
        return [event.seq for event in await anext(batches)]


async def test_there_is_no_head_before_the_log_is_begun(redis: Redis, keys: Keys) -> None:
    log = Log(redis, keys)
    assert await log.head() is None
    assert await log.create(Head(0, "", 1)) is True
    assert await log.head() == Head(0, "", 1)
    assert await log.create(Head(7, "x", 2)) is False
    assert await log.head() == Head(0, "", 1)


async def test_the_head_is_the_last_event(log: Log, ledger: Ledger) -> None:
    await append(ledger, 3)
    (last,) = await log.read(2)
    assert await log.head() == Head(3, last.id, 1)


async def test_reading_begins_after_a_seq_and_gives_a_few(log: Log, ledger: Ledger) -> None:
    await append(ledger, 10)
    assert [e.seq for e in await log.read(0, count=4)] == [1, 2, 3, 4]
    assert [e.seq for e in await log.read(8)] == [9, 10]
    assert await log.read(10) == []
    assert await log.read(99) == []


async def test_waiting_ends_with_the_next_event_or_with_the_time(log: Log, ledger: Ledger) -> None:
    assert await log.wait(0, block_ms=10) == []
    waiting = asyncio.create_task(log.wait(0, block_ms=5000))
    await asyncio.sleep(0.05)
    await append(ledger)
    async with asyncio.timeout(1):
        assert [e.seq for e in await waiting] == [1]


async def test_a_follower_gets_every_event_once_in_order(log: Log, ledger: Ledger) -> None:
    await append(ledger, 5)
    batches = log.follow(0, count=2)
    seen: list[int] = []
    writing = asyncio.create_task(append(ledger, 20))
    while len(seen) < 25:
        seen += await next_of(batches)
    await writing
    assert seen == list(range(1, 26))


async def test_a_follower_of_what_was_trimmed_is_told(log: Log, ledger: Ledger) -> None:
    await append(ledger, 5)
    assert await log.trim(below=4) == 3
    assert await log.first() == 4
    with pytest.raises(LogMissing, match="goes on at 4, not at 2"):
        await next_of(log.follow(1))
    assert await next_of(log.follow(3)) == [4, 5]


async def test_a_follower_of_a_log_that_was_trimmed_to_nothing_is_told(
    log: Log, ledger: Ledger
) -> None:
    await append(ledger, 3)
    await log.trim(below=4)
    assert await log.first() is None
    with pytest.raises(LogMissing, match="trimmed past seq 1, up to 3"):
        await next_of(log.follow(1))
    at_the_end = asyncio.create_task(next_of(log.follow(3)))
    await asyncio.sleep(1.2)  # one empty look
    await append(ledger)
    assert await at_the_end == [4]


async def test_a_follower_ahead_of_the_log_or_without_one_is_told(
    redis: Redis, log: Log, keys: Keys
) -> None:
    with pytest.raises(LogMissing, match="does not reach seq 9"):
        await next_of(log.follow(9))
    await redis.delete(keys.head)
    with pytest.raises(LogMissing, match="does not reach seq 0"):
        await next_of(log.follow(0))


async def test_trimming_goes_exactly_to_the_seq(log: Log, ledger: Ledger, redis: Redis) -> None:
    await append(ledger, 250)
    assert await log.trim(below=0) == 0
    assert await log.trim(below=151) == 150
    assert await log.first() == 151
    assert len(await log.read(0)) == 100
    await append(ledger)
    assert [e.seq for e in await log.read(250)] == [251]


async def test_a_log_begun_with_facts_has_them_first(redis: Redis, keys: Keys, log: Log) -> None:
    await redis.delete(keys.head)
    ledger = Ledger(redis, keys)
    await ledger.begin(Head(41, "before", 2), FACT)
    await append(ledger)
    events = await log.read(0)
    assert [(e.seq, e.epoch, e.job) for e in events] == [(42, 2, "log"), (43, 2, "toy@h-0")]
    assert events[0].prev == "before"
    with pytest.raises(LogInconsistent, match="wipe it"):
        await ledger.begin(Head(41, "before", 3), FACT)
    assert await log.read(0) == events
    assert await log.head() == Head(43, events[-1].id, 2)


async def test_beginning_twice_with_the_same_facts_is_beginning_once(
    redis: Redis, keys: Keys
) -> None:
    """As when the reply was lost and the client sends it again."""
    log = Log(redis, keys)
    ledger = Ledger(redis, keys, ids=lambda: "recovered")
    await ledger.begin(Head(41, "before", 2), FACT)
    await Ledger(redis, keys).append("toy@h-0", FACT)
    before = await log.read(0)
    await ledger.begin(Head(41, "before", 2), FACT)
    assert await log.read(0) == before
    assert await log.head() == Head(43, before[-1].id, 2)
