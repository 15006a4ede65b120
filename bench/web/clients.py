"""Many websockets in one process, as raw as can be: frames are cut out of bytes by hand.

What is measured is the server; a client library would cost more than what it is to measure.
"""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import msgspec
import uvloop

from bench.load.crew import order, say
from bench.web.wire import Frames, handshake, pong

AT_ONCE = 50
"""Handshakes on their way at one time."""
NARROW = 4096
"""Receive buffer of a slow reader, in bytes: the kernel is not to read in its place."""
SEGMENT = 1400
"""As on a network: loopback's huge ones let the server's kernel hold megabytes for a reader."""


class Order(msgspec.Struct, frozen=True):
    """A socket for each job, at its rev; an empty job follows everything. Slow ones read when
    they are told to, not before. ``greeted``: who joins is told something first."""

    host: str
    port: int
    jobs: list[tuple[str, int]]
    slow: bool = False
    greeted: bool = True


class Heard(msgspec.Struct):
    """Since the last time: milliseconds from each commit's call to its sockets, what was wrong, and
    the seconds of processor that it took to listen. ``at``: where each socket stands."""

    spans: list[float] = []
    doubled: int = 0
    missed: int = 0
    fell: int = 0
    caught_up: int = 0
    closed: int = 0
    busy_s: float = 0.0
    at: list[tuple[str, int]] = []


def joined(parts: Sequence[Heard]) -> Heard:
    """What was heard of one process at several times, as if it had been at once."""
    return Heard(
        spans=[ms for part in parts for ms in part.spans],
        doubled=sum(part.doubled for part in parts),
        missed=sum(part.missed for part in parts),
        fell=sum(part.fell for part in parts),
        caught_up=sum(part.caught_up for part in parts),
        closed=sum(part.closed for part in parts),
        busy_s=sum(part.busy_s for part in parts),
        at=parts[-1].at,
    )


class _Event(msgspec.Struct):
    seq: int
    rev: int = 0
    meta: str = ""


class _Job(msgspec.Struct):
    rev: int


class _Said(msgspec.Struct):
    type: str
    event: _Event | None = None
    jobs: list[_Job] = []
    seq: int = 0


_read = msgspec.json.Decoder(_Said).decode


class Socket(asyncio.Protocol):
    """One of them: follows its job, and looks whether each event is the very next one."""

    def __init__(self, job: str, at: int, heard: Heard, *, slow: bool, greeted: bool) -> None:
        self.job = job
        self.slow = slow
        self.greeted = greeted
        self.at = at
        self.heard = heard
        self.joined = asyncio.get_running_loop().create_future()
        self._frames = Frames()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the events."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none of asyncio's
        self.transport.write(handshake(f"/v1/events?job={self.job}" if self.job else "/v1/events"))

    def connection_lost(self, exc: Exception | None) -> None:
        """No socket is to end before the measurement does."""
        self.heard.closed += 1
        if not self.joined.done():
            self.joined.set_exception(exc or ConnectionError("closed instead of a handshake"))

    def data_received(self, data: bytes) -> None:
        """All messages in it came at this moment."""
        now = time.monotonic()
        for kind, body in self._frames.feed(data):
            match kind:
                case "text":
                    self._note(_read(body), now)
                    if not self.joined.done():
                        self.joined.set_result(None)
                case "ping":
                    self.transport.write(pong(body))
                case "refused":
                    self.joined.set_exception(ConnectionError(body.decode(errors="replace")))
                case "open":
                    if self.slow:
                        self.transport.pause_reading()
                    if self.slow or not self.greeted:
                        self.joined.set_result(None)

    def _note(self, said: _Said, now: float) -> None:
        heard = self.heard
        match said.type:
            case "snapshot":
                self.at = said.jobs[0].rev if self.job else said.seq
            case "fell_behind":
                heard.fell += 1
            case "caught_up":
                heard.caught_up += 1
            case _:
                assert said.event
                number = said.event.rev if self.job else said.event.seq
                heard.doubled += number <= self.at
                heard.missed += max(0, number - self.at - 1)
                self.at = max(self.at, number)
                if said.event.meta:
                    sent = float(msgspec.json.decode(said.event.meta)["sent"])
                    heard.spans.append((now - sent) * 1000)


class Clients:
    """All sockets of the process."""

    def __init__(self, given: Order) -> None:
        self._given = given
        self._heard = Heard()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.sockets: list[Socket] = []

    async def join(self) -> int:
        """Every socket, at most AT_ONCE at a time; how many there are."""
        self.sockets = await asyncio.gather(*(self._one(*place) for place in self._given.jobs))
        return len(self.sockets)

    async def _one(self, job: str, at: int) -> Socket:
        loop = asyncio.get_running_loop()
        async with self._gate:
            plug = socket.socket()
            plug.setblocking(False)
            if self._given.slow:
                plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, NARROW)
                plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
            await loop.sock_connect(plug, (self._given.host, self._given.port))
            _, one = await loop.create_connection(
                self._maker(job, at), sock=plug
            )  # fmt: skip
            await asyncio.wait_for(one.joined, 30)
        return one

    def _maker(self, job: str, at: int) -> Callable[[], Socket]:
        given = self._given
        return partial(Socket, job, at, self._heard, slow=given.slow, greeted=given.greeted)

    def read(self) -> None:
        """Slow readers begin to read."""
        for one in self.sockets:
            one.transport.resume_reading()

    def tell(self) -> Heard:
        """What came since it was asked last."""
        told, now = self._heard, time.process_time()
        told.busy_s, told.at = now - told.busy_s, [(one.job, one.at) for one in self.sockets]
        self._heard = Heard(busy_s=now)
        for one in self.sockets:
            one.heard = self._heard
        return told


async def serve(given: Order) -> None:
    """Join all, say so, and then do what each line says."""
    clients = Clients(given)
    say(await clients.join())
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines),
        open(0, "rb", buffering=0),  # noqa: ASYNC230, SIM115
    )
    with contextlib.suppress(asyncio.IncompleteReadError):
        while line := await lines.readline():
            if b"read" in line:
                clients.read()
            say(clients.tell())


if __name__ == "__main__":
    uvloop.run(serve(order(Order)))
