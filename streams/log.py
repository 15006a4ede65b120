"""The log from the reader's side: its head, ranges of it, following it, trimming it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from redis.asyncio import Redis

from streams.errors import LogMissing
from streams.events import Event, from_entry
from streams.keys import Keys


class Head(msgspec.Struct, frozen=True):
    """Where the log ends: seq and id of its last event (0 and "" before the first)."""

    seq: int
    id: str
    epoch: int


class Log:
    """Reads of one partition's log. Only commit.lua appends to it."""

    def __init__(self, redis: Redis, keys: Keys) -> None:
        self._redis = redis
        self._keys = keys

    async def head(self) -> Head | None:
        """The head, None when this Redis holds no log."""
        reply: Any = await self._redis.hmget(self._keys.head, ["seq", "id", "epoch"])
        seq, last, epoch = reply
        return Head(int(seq), last.decode(), int(epoch)) if seq is not None else None

    async def create(self, head: Head) -> bool:
        """Begin a log that continues after ``head``; False when there is one already."""
        pipe = self._redis.pipeline()
        pipe.hsetnx(self._keys.head, "epoch", str(head.epoch))
        pipe.hsetnx(self._keys.head, "id", head.id)
        pipe.hsetnx(self._keys.head, "seq", str(head.seq))
        return bool((await pipe.execute())[0])

    async def publish(self) -> bool:
        """Let all find the log made under `Keys.hidden`; False when there is one already."""
        hidden = self._keys.hidden()
        head = await Log(self._redis, hidden).head()
        if head is None or not await self.create(head):
            return False
        await self._redis.delete(hidden.head)
        return True

    async def read(self, after: int, *, count: int = 500) -> list[Event]:
        """Up to ``count`` events with seq over ``after`` that Redis still holds."""
        entries: Any = await self._redis.xrange(self._keys.log, f"({after}-0", "+", count)
        return [from_entry(entry, fields) for entry, fields in entries]

    async def wait(self, after: int, *, count: int = 500, block_ms: int = 1000) -> list[Event]:
        """As `read`, but wait for the first one, for at most ``block_ms``."""
        reply: Any = await self._redis.xread({self._keys.log: f"{after}-0"}, count, block_ms)
        return [from_entry(entry, fields) for entry, fields in reply[0][1]] if reply else []

    async def follow(
        self, after: int, *, count: int = 500, linger_s: float = 0.0
    ) -> AsyncIterator[list[Event]]:
        """Batches of events after ``after``, for ever.

        Args:
            linger_s: how long the first event of a batch waits for more, for a reader who would
                rather wake seldom than at once.

        Raises:
            LogMissing: the log does not go on from ``after``: it was trimmed past it or replaced.
        """
        while True:
            batch = await self.wait(after, count=count)
            if not batch:
                head = await self.head()
                if head is None or head.seq < after:
                    raise LogMissing(f"the log does not reach seq {after} (any more)")
                if head.seq > after and not await self.read(after, count=1):
                    raise LogMissing(f"the log was trimmed past seq {after}, up to {head.seq}")
                continue
            if linger_s:
                await asyncio.sleep(linger_s)
                batch = await self.read(after, count=count) or batch
            if batch[0].seq != after + 1:
                raise LogMissing(f"the log goes on at {batch[0].seq}, not at {after + 1}")
            after = batch[-1].seq
            yield batch

    async def first(self) -> int | None:
        """The smallest seq that Redis still holds, None when it holds no event."""
        entries: Any = await self._redis.xrange(self._keys.log, "-", "+", 1)
        return int(entries[0][0].partition(b"-")[0]) if entries else None

    async def trim(self, below: int) -> int:
        """Drop events with seq under ``below``; only what is archived may go. How many went."""
        return int(await self._redis.xtrim(self._keys.log, minid=f"{below}-0", approximate=False))
