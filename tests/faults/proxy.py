"""What stands before a server and spoils the way to it: cut at a chosen moment, slow, mute, shut.

Our processes are given its address in place of the server's. It knows no protocol: it tells
requests by a mark that they hold, which is enough for `EVALSHA` and `COMMIT`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self
from urllib.parse import SplitResult, parse_qs, urlsplit

from streams import tasks

CHUNK = 65536
Moment = Literal["before", "after", "within"]
"""The server never gets the request; it does it, and its reply is lost; half a reply comes."""


@dataclass
class Cut:
    """Connections to be cut: the next ``times`` requests that hold ``mark``."""

    moment: Moment
    mark: bytes = b""
    times: int = 1
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, request: bytes) -> bool:
        """Whether it is this request's turn."""
        if self.times < 1 or self.mark not in request:
            return False
        self.times -= 1
        if not self.times:
            self.done.set()
        return True


class Proxy:
    """In front of one server, on a free port; use as an async context manager.

    url: what to give to clients. delay_s: how long each piece waits, either way.
    """

    def __init__(self, server: str, address: str) -> None:
        self.url = ""
        self.delay_s = 0.0
        self.cuts: list[Cut] = []
        self._server, self._to = server, urlsplit(address)
        self._listening: asyncio.Server
        self._links: set[asyncio.Task[None]] = set()
        self._open = asyncio.Event()
        self._open.set()
        self._shut = False

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = address_at(self._to, self._listening.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._listening.close()
        await tasks.end(*self._links)

    def cut(self, moment: Moment, mark: bytes = b"", times: int = 1) -> Cut:
        """Cut the connection on which a request with that mark comes next."""
        self.cuts.append(Cut(moment, mark, times))
        return self.cuts[-1]

    def freeze(self) -> None:
        """Nothing moves any more, though every connection stays: a network that swallows all."""
        self._open.clear()

    def thaw(self) -> None:
        """All goes on where it stood."""
        self._open.set()

    def forsake(self) -> None:
        """Thaw for new connections only: those of before stay mute for ever, and are not closed."""
        self._open = asyncio.Event()
        self._open.set()

    async def shut(self) -> None:
        """Refuse: what is open is closed, what comes is closed at once."""
        self._shut = True
        await tasks.end(*self._links)

    def point(self, address: str) -> None:
        """Lead new connections to another server, which lets clients in as the first one did."""
        self._to = urlsplit(address)

    def open(self) -> None:
        """Take connections again."""
        self._shut = False

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the server itself."""
        if path := socket_of(self._to):
            return await asyncio.open_unix_connection(path)
        return await asyncio.open_connection(self._to.hostname, self._to.port)

    async def serve(
        self,
        client: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    ) -> None:
        """Carry bytes both ways until one end is gone."""
        spoilt: list[Moment] = []
        up = asyncio.create_task(self._up(client[0], server[1], spoilt))
        down = asyncio.create_task(self._down(server[0], client[1], spoilt))
        try:
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await tasks.end(up, down)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        ends = [writer]
        try:
            if not self._shut:
                server = await self.connect()
                ends.append(server[1])
                await self.serve((reader, writer), server)
        except (OSError, EOFError, asyncio.CancelledError):
            pass  # either end is gone, or we are: that is what we are for
        finally:
            self._links.discard(link)
            for end in ends:
                end.transport.abort()

    async def _up(
        self, client: asyncio.StreamReader, server: asyncio.StreamWriter, spoilt: list[Moment]
    ) -> None:
        async for piece in self._pieces(client):
            cut = next((cut for cut in self.cuts if cut.takes(piece)), None)
            if cut is not None and cut.moment == "before":
                return
            if cut is not None:
                spoilt.append(cut.moment)
            server.write(piece)
            await server.drain()

    async def _down(
        self, server: asyncio.StreamReader, client: asyncio.StreamWriter, spoilt: list[Moment]
    ) -> None:
        async for piece in self._pieces(server):
            if spoilt:
                if spoilt[0] == "within":
                    client.write(piece[: len(piece) // 2])
                    with suppress(OSError):
                        await client.drain()
                return
            client.write(piece)
            await client.drain()

    async def _pieces(self, reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
        gate = self._open
        while piece := await reader.read(CHUNK):
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await gate.wait()
            yield piece


def socket_of(address: SplitResult) -> str:
    """The path of the server's socket; empty when it listens on a port."""
    if address.scheme == "unix":
        return address.path
    if address.scheme == "postgresql" and not address.hostname:
        return f"{parse_qs(address.query)['host'][0]}/.s.PGSQL.5432"
    return ""


def address_at(address: SplitResult, port: int) -> str:
    """The same address, user and password included, at a port of this machine."""
    user = address.netloc.rpartition("@")[0]
    scheme = {"unix": "redis"}.get(address.scheme, address.scheme)
    path = address.path if scheme == "postgresql" else ""
    return f"{scheme}://{user}{'@' if user else ''}127.0.0.1:{port}{path}"
