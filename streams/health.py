"""GET /healthz, /readyz and /metrics over HTTP/1.1: a page of code instead of a web framework.

Engines and projector answer with it; a framework would take 20 MB in each of them.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Self

import msgspec

READ_S = 5.0

Health = Callable[[], Awaitable[tuple[bool, msgspec.Struct]]]
"""Whether the process can work now, and what it says of itself."""


class HealthServer:
    """Serves for as long as it is entered; ``health`` and ``metrics`` are asked each time."""

    def __init__(
        self, health: Health, metrics: Callable[[], bytes], *, host: str, port: int
    ) -> None:
        self._health = health
        self._metrics = metrics
        self._address = (host, port)
        self._server: asyncio.Server

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, *self._address)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The real one, also when a free one was asked for."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_S):
                head = await reader.readuntil(b"\r\n\r\n")
            method, _, rest = head.decode("latin-1").partition(" ")
            path = rest.partition(" ")[0].partition("?")[0]
            status, kind, body = await self._answer(method, path)
            writer.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: {kind}\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
            )
            writer.write(body if method != "HEAD" else b"")
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asks so badly gets no answer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, method: str, path: str) -> tuple[HTTPStatus, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET\n"
        if path not in {"/healthz", "/readyz", "/metrics"}:
            return HTTPStatus.NOT_FOUND, "text/plain", b"/healthz, /readyz or /metrics\n"
        ready, health = await self._health()
        if path == "/metrics":
            return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", self._metrics()
        alive = ready or path == "/healthz"
        status = HTTPStatus.OK if alive else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "application/json", msgspec.json.encode(health) + b"\n"
