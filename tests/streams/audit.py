"""All that a partition's keys hold, and what must be true of it after any commit."""

import itertools
import math
import re
from typing import Any

from redis.asyncio import Redis

from streams.keys import Keys

Kept = dict[bytes, tuple[bytes | None, int]]


async def snapshot(redis: Redis, keys: Keys) -> Kept:
    """Every key byte for byte, and when it expires."""
    found = [key async for key in redis.scan_iter(match=f"{keys.base}*", count=1000)]
    pipe = redis.pipeline(transaction=False)
    for key in sorted(found):
        pipe.dump(key)
        pipe.pexpiretime(key)
    replies = await pipe.execute()
    return dict(zip(sorted(found), zip(replies[::2], replies[1::2], strict=True), strict=True))


async def view(redis: Redis, keys: Keys) -> dict[str, Any]:
    """The same without what a restart changes: when a consumer was seen last."""
    found = [key async for key in redis.scan_iter(match=f"{keys.base}*", count=1000)]
    return {key.decode("latin-1"): await _holds(redis, key) for key in sorted(found)}


async def _holds(redis: Redis, key: bytes) -> Any:
    match await redis.type(key):
        case b"hash":
            return sorted((await redis.hgetall(key)).items()), await redis.ttl(key) > 0
        case b"zset":
            return await redis.zrange(key, 0, -1, withscores=True)
        case b"stream":
            info: Any = await redis.xinfo_stream(key)
            groups: Any = await redis.xinfo_groups(key)
            pending: Any = [
                (row["message_id"], row["consumer"])
                for group in groups
                for row in await redis.xpending_range(key, group["name"], "-", "+", 1000)
            ]
            top = info["last-generated-id"]
            return await redis.xrange(key), top, [one["name"] for one in groups], pending
        case other:
            return other


async def audit(redis: Redis, keys: Keys) -> int:
    """The rules that hold between the keys; the number of events in the log.

    The log is dense, its chain unbroken and its end the head; each job is where its last event left
    it; every task in a queue or backlog is one; the fair times are numbers.
    """
    log: Any = await redis.xrange(keys.log)
    head: Any = await redis.hgetall(keys.head)
    first = int(head[b"seq"]) - len(log) + 1
    assert [entry for entry, _ in log] == [b"%d-0" % (first + n) for n in range(len(log))]
    for (_, before), (_, after) in itertools.pairwise(log):
        assert after[b"prev"] == before[b"id"]
    last = {fields[b"job"]: fields for _, fields in log}
    if log:
        assert log[-1][1][b"id"] == head[b"id"]
    for job, fields in last.items():
        held: Any = await redis.hmget(keys.job(job.decode()), "rev", "last")
        assert held in ([fields[b"rev"], fields[b"id"]], [None, None]), job
    await _audit_lines(redis, keys)
    return len(log)


async def _audit_lines(redis: Redis, keys: Keys) -> None:
    found: Any
    async for key in redis.scan_iter(match=f"{keys.base}:queue:*"):
        found = await redis.xrange(key)
        for _, task in found:
            assert set(task) == {b"job", b"stage", b"token", b"tenant"}
            assert task[b"token"].isdigit()
    async for key in redis.scan_iter(match=f"{keys.base}:backlog:*"):
        found = await redis.zrange(key, 0, -1, withscores=True)
        for member, score in found:
            assert re.match(rb".*?\|.*?\|\d+\|", member, re.DOTALL)
            assert math.isfinite(score)
    async for key in redis.scan_iter(match=f"{keys.base}:fair:*"):
        found = await redis.hgetall(key)
        assert all(math.isfinite(float(value)) for value in found.values())
