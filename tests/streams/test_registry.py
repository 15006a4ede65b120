import asyncio

import msgspec
import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from streams.keys import Keys
from streams.offers import Offer
from streams.registry import REMEMBERED_S, Announcement, Registry, engine_of, offers

ONE = Announcement(
    replica="toy@h-0", engine="toy", stage="transcribe", version="1", host="h", pid=1,
    models=("small",), default_model="small", languages={"small": ("en",)},
)  # fmt: skip
TWO = replace(ONE, replica="toy@h-1", models=("small", "large"), languages={}, any_model=True)


@pytest.fixture
def registry(redis: Redis, keys: Keys) -> Registry:
    return Registry(redis, keys)


async def test_a_replica_is_there_until_it_leaves(registry: Registry) -> None:
    assert await registry.alive() == []
    await registry.announce(TWO)
    await registry.announce(ONE)
    await registry.announce(ONE)
    assert await registry.alive() == [ONE, TWO]
    await registry.leave(ONE.replica)
    await registry.leave(ONE.replica)
    assert await registry.alive() == [TWO]
    assert await registry.expired() == []


async def test_a_replica_that_falls_silent_expires_and_can_come_back(registry: Registry) -> None:
    await registry.announce(ONE, ttl_s=0.3)
    assert await registry.alive() == [ONE]
    await asyncio.sleep(0.4)
    assert await registry.alive() == []
    async with asyncio.timeout(3):
        while await registry.expired() != [ONE.replica]:
            await asyncio.sleep(0.1)
    await registry.announce(replace(ONE, state="busy"))
    assert [a.state for a in await registry.alive()] == ["busy"]
    assert await registry.expired() == []


async def test_an_engine_that_was_there_a_moment_ago_is_planned_for(
    registry: Registry, redis: Redis, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    await registry.announce(ONE)
    await registry.leave(ONE.replica)
    assert await registry.alive() == []
    assert [offer.engine for offer in await registry.offers()] == ["toy"]
    assert 0 < await redis.pttl(keys.offers) <= REMEMBERED_S * 1000  # nobody's key goes by itself
    monkeypatch.setattr("streams.registry.REMEMBERED_S", 0.0)
    assert await registry.offers() == []
    await registry.announce(TWO)
    (offer,) = await registry.offers()
    assert offer.models == ("small", "large")


async def test_an_announcement_of_a_later_version_is_read(
    registry: Registry, redis: Redis, keys: Keys
) -> None:
    await registry.announce(ONE)
    later = msgspec.to_builtins(replace(ONE, state="hibernating")) | {"mood": "fine"}
    await redis.set(keys.replica(ONE.replica), msgspec.json.encode(later), ex=5)
    assert [a.state for a in await registry.alive()] == ["hibernating"]


def test_replicas_of_one_engine_make_one_offer() -> None:
    assert offers([ONE, TWO]) == [
        Offer(
            engine="toy", stage="transcribe", models=("small", "large"), default_model="small",
            any_model=True, languages={"small": ("en",)},
        )
    ]  # fmt: skip
    assert offers([]) == []


def test_a_replicas_name_tells_its_engine() -> None:
    assert engine_of("faster_whisper@some-host-3") == "faster_whisper"
