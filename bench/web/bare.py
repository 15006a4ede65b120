"""The same fan-out without Dalston: the log's tail, and `websockets.broadcast` to a job's sockets.

No snapshot, no proof of order, no bound on what a slow reader costs, no way to resume: the least
that brings the same messages to the same sockets.
"""

from collections import defaultdict
from urllib.parse import parse_qs, urlsplit

import msgspec
import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

from bench.load.crew import order, say
from streams.connection import connect
from streams.keys import Keys
from streams.log import Log
from web.hub import Told


class Order(msgspec.Struct, frozen=True):
    """Whose log to read, from where it is now on."""

    redis_url: str
    prefix: str
    partition: int


async def main(given: Order) -> None:
    """Say the port, and serve until terminated."""
    followed: dict[str, set[ServerConnection]] = defaultdict(set)

    async def follower(connection: ServerConnection) -> None:
        assert connection.request
        (job,) = parse_qs(urlsplit(connection.request.path).query).get("job", [""])
        followed[job].add(connection)
        await connection.wait_closed()
        followed[job].discard(connection)

    async with (
        connect(given.redis_url) as redis,
        serve(follower, "127.0.0.1", 0, compression=None) as server,
    ):
        say(next(iter(server.sockets)).getsockname()[1])
        log = Log(redis, Keys(given.prefix, given.partition))
        head = await log.head()
        assert head
        async for batch in log.follow(head.seq):
            for event in batch:
                broadcast(followed[event.job], Told(event).message)


if __name__ == "__main__":
    uvloop.run(main(order(Order)))
