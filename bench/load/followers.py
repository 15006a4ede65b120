"""Many websockets in one process, each following a job; or some that never read what they get."""

import asyncio
import contextlib
import socket
import time
from collections import defaultdict
from typing import Any

import msgspec
import uvloop
from websockets.asyncio.client import ClientConnection, connect

from bench.load.crew import order, say

AT_ONCE = 50
"""Handshakes on their way at one time."""
TRIES = 30


class Order(msgspec.Struct, frozen=True):
    """A socket for each job; an empty one follows everything. ``deaf`` ones never read."""

    host: str
    port: int
    jobs: list[str]
    deaf: bool = False


class Heard(msgspec.Struct, frozen=True):
    """Events and milliseconds from the commit's call to here, by job; what went wrong, in words."""

    spans: dict[str, list[float]]
    fell: int
    closed: list[str]


class Followers:
    """The sockets of one process, and what came."""

    def __init__(self, given: Order) -> None:
        self._given = given
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._spans: dict[str, list[float]] = defaultdict(list)
        self._closed: list[str] = []
        self._fell = 0
        self.joined = 0

    async def follow(self, job: str) -> None:
        """One socket, to its end."""
        async with self._gate:
            connection = await self._open(job)
        self.joined += 1
        async with connection:
            try:
                async for message in connection:
                    self._note(job, msgspec.json.decode(message))
            except Exception as error:  # noqa: BLE001 - the rim: whatever ends a socket is told
                self._closed.append(repr(error))

    async def ignore(self) -> None:
        """One socket to everything that asks for it and reads no more than the handshake."""
        reader, writer = await asyncio.open_connection(
            self._given.host, self._given.port, limit=1024, family=socket.AF_INET
        )
        plug = writer.get_extra_info("socket")
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        writer.write(HANDSHAKE.format(self._given.host).encode())
        await reader.readuntil(b"\r\n\r\n")
        self.joined += 1
        await asyncio.Event().wait()

    async def _open(self, job: str) -> ClientConnection:
        address = f"ws://{self._given.host}:{self._given.port}/v1/events"
        for number in range(TRIES):
            try:
                return await connect(
                    f"{address}?job={job}" if job else address, compression=None,
                    open_timeout=30, ping_interval=None, max_size=None,
                )  # fmt: skip
            except Exception as error:
                if number + 1 == TRIES:
                    raise
                self._closed.append(f"handshake: {error!r}")
                await asyncio.sleep(1.0)
        raise AssertionError

    def _note(self, job: str, message: dict[str, Any]) -> None:
        if message["type"] == "fell_behind":
            self._fell += 1
        if message["type"] != "event" or not (meta := message["event"].get("meta")):
            return
        sent = float(msgspec.json.decode(meta)["sent"])
        self._spans[job].append((time.monotonic() - sent) * 1000)

    def heard(self) -> Heard:
        """What came since it was asked last."""
        told = Heard(dict(self._spans), self._fell, self._closed)
        self._spans, self._closed, self._fell = defaultdict(list), [], 0
        return told


HANDSHAKE = (
    "GET /v1/events HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: ZGFsc3RvbiBsb2FkIHRlcw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def serve(given: Order) -> None:
    """Join all, say so, and then say what was heard for each line that comes in."""
    followers = Followers(given)
    work = [
        asyncio.create_task(followers.ignore() if given.deaf else followers.follow(job))
        for job in given.jobs
    ]
    while followers.joined < len(work):
        for task in work:
            if task.done():
                task.result()
        await asyncio.sleep(0.05)
    say(followers.joined)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines),
        open(0, "rb", buffering=0),  # noqa: ASYNC230, SIM115
    )
    while await lines.readline():
        say(followers.heard())
    for task in work:
        task.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(asyncio.gather(*work, return_exceptions=True), 5)


if __name__ == "__main__":
    uvloop.run(serve(order(Order)))
