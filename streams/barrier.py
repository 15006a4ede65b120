"""The barrier of the `ha` profile: what was said before it, on its connection, a replica has too.

WAIT counts from the last write of its own connection, so a write goes before it: else a commit that
is repeated after its reply was lost, and writes nothing, would wait for nothing.
"""

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ReadOnlyError, RedisError

from streams.errors import NotReplicated
from streams.keys import Keys

WAIT_MS = 2000
"""How long a commit of the web waits for a replica; the fold may wait longer."""
EXPIRES_MS = 60_000


def key(keys: Keys) -> str:
    """The key that is written to have something to wait for."""
    return f"{keys.base}:barrier"


def put(pipe: Any, barrier: str, wait_ms: int) -> None:
    """Add the barrier to a pipeline (never to a transaction, in which WAIT does not wait)."""
    pipe.set(barrier, "1", px=EXPIRES_MS)
    pipe.execute_command("WAIT", 1, wait_ms)


def passed(written: Any, replicas: Any) -> None:
    """Look at the two replies of a barrier.

    Raises:
        NotReplicated: no replica has it.
    """
    for reply in (written, replicas):
        if isinstance(reply, RedisError):
            raise NotReplicated(f"no replica of Redis can be written to: {reply}")
    if int(replicas) < 1:
        raise NotReplicated("no replica of Redis took the write in time; it may be done yet")


class Confirmed(Redis):
    """A client that says of pipelines and scripts only what a replica has.

    That holds for what it reads, too: a command that finds itself done already, by a write whose
    reply was lost, is no more than that write.
    """

    def __init__(self, redis: Redis, keys: Keys) -> None:
        super().__init__(connection_pool=redis.connection_pool)
        self._barrier = key(keys)

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        """A pipeline with the barrier at its end, unless it is a transaction."""
        if transaction:
            return super().pipeline(transaction, shard_hint)
        return ConfirmedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint,
            barrier=self._barrier,
        )  # fmt: skip

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        """As ever; a script is confirmed."""
        if args[0] not in {"EVALSHA", "EVAL"}:
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        pipe: Any = self.pipeline(transaction=False)
        pipe.execute_command(*args, **options)
        return (await pipe.execute())[0]


class ConfirmedPipeline(Pipeline):
    """See `Confirmed`."""

    def __init__(self, *args: Any, barrier: str) -> None:
        super().__init__(*args)
        self._barrier = barrier

    async def execute(self, raise_on_error: bool = True) -> list[Any]:
        """The replies without those of the barrier."""
        put(self, self._barrier, WAIT_MS)
        *replies, written, replicas = await super().execute(raise_on_error=False)
        if any(isinstance(reply, ReadOnlyError) for reply in (*replies, written)):
            # No primary any more: the next connection may lead to the one that is.
            await self.connection_pool.disconnect(inuse_connections=False)
        for reply in replies:
            if raise_on_error and isinstance(reply, Exception):
                raise reply
        passed(written, replicas)
        return replies
