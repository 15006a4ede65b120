"""Who is there: each replica of an engine announces itself again and again, and expires."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from redis.asyncio import Redis

from streams.drains import Drains
from streams.keys import Keys
from streams.offers import Offer

HEARTBEAT_S = 2.0
TTL_S = 10.0
REMEMBERED_S = 600.0
"""An engine that was there so short a while ago is planned for: it restarts, or is upgraded."""


class Announcement(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a replica says of itself with each heartbeat; memory in bytes."""

    replica: str
    engine: str
    stage: str
    version: str
    host: str
    pid: int
    state: str = "idle"
    """starting, idle, busy, draining or drained; a later version may know more."""
    models: tuple[str, ...] = ()
    default_model: str | None = None
    any_model: bool = False
    needs_model: bool = False
    languages: dict[str, tuple[str, ...]] = {}
    gives: dict[str, tuple[str, ...]] = {}
    loaded: tuple[str, ...] = ()
    device: str = "cpu"
    compute_type: str | None = None
    memory: int = 0
    gpu_memory: int = 0
    """Of it on the card."""
    loads: dict[str, float] = {}
    """Model → seconds that it took to load here."""
    health: str = ""
    job: str = ""
    stage_done: float = 0.0
    started_at: float = 0.0


class Seen(msgspec.Struct, frozen=True):
    """What an engine offered last, and when (seconds of Redis's clock)."""

    offer: Offer
    at: float


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Announcement)
_seen = msgspec.json.Decoder(Seen)


class Registry:
    """The live replicas of a partition's engines."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self.drains = Drains(redis, keys)
        self._redis = redis
        self._keys = keys

    async def announce(self, announcement: Announcement, *, ttl_s: float = TTL_S) -> None:
        """Say that a replica lives and how it does; all of it, so that a lost key comes back."""
        key = self._keys.replica(announcement.replica)
        seconds, micros = await self._redis.time()
        pipe = self._redis.pipeline()
        now = seconds + micros / 1e6
        seen = Seen(offer_of(announcement), now)
        pipe.set(key, _encoder.encode(announcement), px=int(ttl_s * 1000))
        pipe.zadd(self._keys.replicas, {announcement.replica: now + ttl_s})
        pipe.hset(self._keys.offers, announcement.engine, _encoder.encode(seen))
        pipe.pexpire(self._keys.offers, int(REMEMBERED_S * 1000))
        await pipe.execute()

    async def leave(self, replica: str) -> None:
        """Take a replica that goes in order off the list."""
        pipe = self._redis.pipeline()
        pipe.delete(self._keys.replica(replica))
        pipe.zrem(self._keys.replicas, replica)
        await pipe.execute()

    async def find(self, replica: str) -> Announcement | None:
        """What a replica announced last, None when it is not alive."""
        text: Any = await self._redis.get(self._keys.replica(replica))
        return _decoder.decode(text) if text else None

    async def announced(self, replicas: Sequence[str]) -> list[Announcement]:
        """What those of these replicas announced last that are alive."""
        if not replicas:
            return []
        found = await self._redis.mget([self._keys.replica(name) for name in replicas])
        return [_decoder.decode(text) for text in found if text]

    async def alive(self) -> list[Announcement]:
        """Every replica whose heartbeat is fresh, by name."""
        names: Any = await self._redis.zrange(self._keys.replicas, 0, -1)
        return await self.announced([name.decode() for name in sorted(names)])

    async def offers(self) -> list[Offer]:
        """What the engines offer that are alive, or were within REMEMBERED_S."""
        alive = await self.alive()
        wishes = await self.drains.all()
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.hgetall(self._keys.offers)
        (now, _), kept = await pipe.execute()
        found = {offer.engine: offer for offer in offers(alive)}
        for seen in map(_seen.decode, kept.values()):
            if abs(now - seen.at) < REMEMBERED_S:
                found.setdefault(seen.offer.engine, seen.offer)
        there = {name: [one for one in alive if one.engine == name] for name in found}
        return [
            msgspec.structs.replace(offer, drained=drained(name, there[name], wishes))
            for name, offer in found.items()
        ]

    async def expired(self) -> list[str]:
        """Replicas on the list whose heartbeat has stopped."""
        seconds, _ = await self._redis.time()
        await self._expire_from(seconds)
        late: Any = await self._redis.zrangebyscore(self._keys.replicas, "-inf", f"({seconds}")
        return [name.decode() for name in late]

    async def _expire_from(self, now: int) -> None:
        """Count announcements of the future from now: the server's clock went back under them."""
        late: Any = await self._redis.zrangebyscore(
            self._keys.replicas, f"({now + TTL_S + 1}", "+inf"
        )
        pipe = self._redis.pipeline()
        for name in late:
            pipe.zadd(self._keys.replicas, {name: now + TTL_S}, lt=True)
            pipe.pexpire(self._keys.replica(name.decode()), int(TTL_S * 1000), lt=True)
        if late:
            await pipe.execute()


def engine_of(replica: str) -> str:
    """The engine's name in a replica's (``<engine>@<host>-<slot>``)."""
    return replica.partition("@")[0]


def drained(engine: str, there: Sequence[Announcement], wishes: Mapping[str, bool]) -> bool:
    """Whether none of an engine's replicas is to take tasks."""
    if not there:
        return wishes.get(engine, False)
    return all(wishes.get(one.replica, wishes.get(engine, one.state == "drained")) for one in there)


def offer_of(one: Announcement) -> Offer:
    """What one replica offers."""
    return Offer(
        engine=one.engine,
        stage=one.stage,
        models=one.models,
        default_model=one.default_model,
        any_model=one.any_model,
        needs_model=one.needs_model,
        languages=one.languages,
        gives=one.gives,
    )


def offers(alive: list[Announcement]) -> list[Offer]:
    """What the live replicas offer, one Offer an engine."""
    merged: dict[str, Offer] = {}
    for one in map(offer_of, alive):
        before = merged.get(one.engine, one)
        merged[one.engine] = msgspec.structs.replace(
            one,
            models=tuple(dict.fromkeys((*before.models, *one.models))),
            default_model=one.default_model or before.default_model,
            any_model=one.any_model or before.any_model,
            languages={**before.languages, **one.languages},
            gives={**before.gives, **one.gives},
        )
    return list(merged.values())
