import asyncio

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from streams.drains import REMEMBERED_S, Drains
from streams.keys import Keys
from streams.offers import Offer, Wanted, choose
from streams.registry import drained
from tests.streams.test_registry import ONE, TWO


@pytest.fixture
def drains(redis: Redis, keys: Keys) -> Drains:
    return Drains(redis, keys)


async def test_a_wish_for_a_replica_counts_before_that_for_its_engine(drains: Drains) -> None:
    assert await drains.of(ONE.replica) is None
    await drains.put("toy", drained=True)
    await drains.put(ONE.replica, drained=False)
    assert (await drains.of(ONE.replica), await drains.of(TWO.replica)) == (False, True)
    await drains.put("toy", drained=True)
    assert await drains.all() == {"toy": True}, "all its replicas follow it"


async def test_what_is_over_is_forgotten_in_time(drains: Drains, redis: Redis, keys: Keys) -> None:
    await drains.put("toy", drained=True)
    await drains.put("other@h-0", drained=True)
    assert await redis.pttl(keys.drains) == -1, "somebody wants it so"
    await drains.put("toy", drained=False)
    assert await redis.pttl(keys.drains) == -1
    await drains.put("other@h-0", drained=False)
    assert 0 < await redis.pttl(keys.drains) <= REMEMBERED_S * 1000
    await drains.put("toy", drained=True)
    assert await redis.pttl(keys.drains) == -1


async def test_wishes_at_once_are_all_kept(drains: Drains, redis: Redis, keys: Keys) -> None:
    names = [f"e{number}" for number in range(8)]
    await asyncio.gather(*(drains.put(name, drained=True) for name in names))
    assert await drains.all() == dict.fromkeys(names, True)
    await asyncio.gather(*(drains.put(name, drained=name == "e0") for name in names))
    assert await drains.all() == {name: name == "e0" for name in names}
    assert await redis.pttl(keys.drains) == -1


async def test_a_wish_nudges_the_engines(drains: Drains, redis: Redis, keys: Keys) -> None:
    async with redis.pubsub() as channel:
        await channel.subscribe(keys.nudges)
        await channel.get_message(timeout=1)
        await drains.put("toy@h-1", drained=True)
        message = await channel.get_message(timeout=1)
        assert message
        assert message["data"] == b"toy"


def test_an_engine_is_drained_when_none_of_its_replicas_takes_tasks() -> None:
    there = [ONE, TWO]
    assert not drained("toy", there, {})
    assert drained("toy", there, {"toy": True})
    assert not drained("toy", there, {"toy": True, TWO.replica: False})
    assert not drained("toy", there, {ONE.replica: True})
    assert drained("toy", there, {ONE.replica: True, TWO.replica: True})
    assert drained("toy", [replace(ONE, state="drained")], {}), "Redis forgot, it did not"
    assert not drained("toy", [replace(ONE, state="drained")], {"toy": False})
    assert drained("toy", [], {"toy": True})
    assert not drained("toy", [], {})


def test_a_drained_engine_is_the_last_choice() -> None:
    first = Offer(engine="faster_whisper", stage="transcribe", drained=True)
    second = Offer(engine="moonshine", stage="transcribe")
    wanted = Wanted(stage="transcribe")
    assert choose(wanted, [first, second]) == second
    assert choose(wanted, [first]) == first, "its tasks wait"
    assert choose(replace(wanted, engine="faster_whisper"), [first, second]) == first
