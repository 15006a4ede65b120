"""/healthz, /readyz and /metrics over plain HTTP: 60 lines instead of a web framework's 20 MB."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import TracebackType
from typing import Self

import msgspec
from prometheus_client import generate_latest

from projector.metrics import REGISTRY

READ_S = 5.0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """How the projector does; ``trouble`` says why it is not ready."""

    ready: bool
    profile: str
    trouble: str | None = None
    seq: int = 0
    epoch: int = 0
    lag_events: int = 0
    lag_seconds: float = 0.0
    leading: bool = False


class HealthServer:
    """Serves for as long as it is entered; ``health`` is asked each time."""

    def __init__(self, health: Callable[[], Awaitable[Health]], *, host: str, port: int) -> None:
        self._health = health
        self._address = (host, port)
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, *self._address)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._server
        self._server.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The real one, when 0 was asked for."""
        assert self._server
        return int(self._server.sockets[0].getsockname()[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(READ_S):
                head = await reader.readuntil(b"\r\n\r\n")
            method, _, rest = head.decode("latin-1").partition(" ")
            status, kind, body = await self._answer(method, rest.partition(" ")[0])
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

    async def _answer(self, method: str, target: str) -> tuple[HTTPStatus, str, bytes]:
        path = target.partition("?")[0]
        if method not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET\n"
        if path not in {"/healthz", "/readyz", "/metrics"}:
            return HTTPStatus.NOT_FOUND, "text/plain", b"/healthz, /readyz or /metrics\n"
        health = await self._health()
        if path == "/metrics":
            return HTTPStatus.OK, "text/plain; version=0.0.4", generate_latest(REGISTRY)
        ready = path == "/healthz" or health.ready
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "application/json", msgspec.json.encode(health) + b"\n"
