"""Who is to take no tasks for a while, because somebody said so: wishes that outlive a restart.

A wish is for an engine or for one replica; the replica's counts before its engine's. A replica that
finds no wish stays as it is: so one that is drained stays so when Redis loses all it knew.
"""

from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoPermissionError, WatchError

from streams.keys import Keys

DRAINED, RESUMED = b"drained", b"resumed"
REMEMBERED_S = 600.0
"""How long a key lives in which nobody is drained any more: until all replicas have seen that."""


class Drains:
    """The wishes of a partition's people."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def put(self, name: str, *, drained: bool) -> None:
        """Have an engine, or a replica, drained or resumed; an engine's replicas all follow it.

        They see it at their next heartbeat; the nudge makes them look at once.
        """
        key = self._keys.drains
        pipe: Any
        async with self._redis.pipeline() as pipe:
            while True:
                await pipe.watch(key)
                before = _read(await pipe.hgetall(key))
                mine = [one for one in before if one != name and _engine(one) == name]
                others = any(before[one] for one in before if one not in {name, *mine})
                pipe.multi()
                if mine:
                    pipe.hdel(key, *mine)
                pipe.hset(key, name, DRAINED if drained else RESUMED)
                if drained or others:
                    pipe.persist(key)
                else:
                    pipe.pexpire(key, int(REMEMBERED_S * 1000))
                try:
                    await pipe.execute()
                    break
                except WatchError:
                    continue
        await self._redis.publish(self._keys.nudges, _engine(name))

    async def all(self) -> dict[str, bool]:
        """Every wish: engine or replica → whether it is to be drained."""
        try:
            found: Any = await self._redis.hgetall(self._keys.drains)
        except NoPermissionError:  # the server's ACL is of a version that knew of no drains
            return {}
        return _read(found)

    async def of(self, replica: str) -> bool | None:
        """Whether a replica is to be drained; None when nobody said."""
        names = (replica, _engine(replica))
        try:
            found: Any = await self._redis.hmget(self._keys.drains, names)
        except NoPermissionError:
            return None
        said = next((value for value in found if value is not None), None)
        return None if said is None else said == DRAINED


def _read(found: Mapping[bytes, bytes]) -> dict[str, bool]:
    return {name.decode(): value == DRAINED for name, value in found.items()}


def _engine(name: str) -> str:
    return name.partition("@")[0]
