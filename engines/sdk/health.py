"""GET /healthz, /readyz and /metrics over HTTP/1.1: forty lines instead of a web framework."""

import asyncio
import contextlib
from collections.abc import Callable
from http import HTTPStatus

import msgspec

from engines.sdk import metrics

READ_S = 5.0


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What a replica says of itself; ``waits_for`` is empty when it can work."""

    replica: str
    state: str
    profile: str
    loaded: tuple[str, ...] = ()
    memory: int = 0
    job: str = ""
    waits_for: str = ""


class HealthServer:
    """Use as an async context manager."""

    def __init__(self, health: Callable[[], Health], *, host: str, port: int) -> None:
        self._health = health
        self._address = (host, port)
        self._server: asyncio.Server

    async def __aenter__(self) -> "HealthServer":
        host, port = self._address
        self._server = await asyncio.start_server(self._serve, host, port)
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
            status, kind, body = self._answer(method, rest.partition(" ")[0].partition("?")[0])
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

    def _answer(self, method: str, path: str) -> tuple[HTTPStatus, str, bytes]:
        if method not in {"GET", "HEAD"}:
            return HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"only GET\n"
        if path == "/metrics":
            return HTTPStatus.OK, "text/plain; version=0.0.4; charset=utf-8", metrics.expose()
        if path not in {"/healthz", "/readyz"}:
            return HTTPStatus.NOT_FOUND, "text/plain", b"/healthz, /readyz or /metrics\n"
        health = self._health()
        ready = path == "/healthz" or not health.waits_for
        status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
        return status, "application/json", msgspec.json.encode(health) + b"\n"
