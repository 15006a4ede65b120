"""The web served by uvicorn on a free port, beside a projector, on the session's real servers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from projector import database as postgres_database
from projector import roles
from projector.process import Projector, ProjectorSettings
from projector.queries import checkpoint
from streams.artifacts import Artifacts
from streams.commit import Ledger
from streams.keys import Keys
from streams.settings import Settings
from tests.web.driver import Driver
from web.__main__ import Server, configured
from web.call import Web
from web.settings import WebSettings


@dataclass
class Served:
    """A running web: its address, and a client of it."""

    url: str
    client: httpx.AsyncClient
    server: Server

    @property
    def socket_url(self) -> str:
        """Where its websocket is."""
        return self.url.replace("http://", "ws://") + "/v1/events"

    @property
    def web(self) -> Web:
        """What its handlers stand on."""
        app = self.server.config.app
        assert isinstance(app, Starlette)
        found: Web = app.state.web
        return found


@pytest.fixture
def web_settings(settings: Settings, migrated: None) -> WebSettings:
    """The settings of a web on this test's servers, where it is the role that it is anywhere."""
    database = urlsplit(settings.postgres_dsn).path[1:]
    dsn = settings.postgres_dsn.replace("//dalston@", f"//{database}_web@")
    own = msgspec.structs.asdict(settings) | {"postgres_dsn": dsn}
    return WebSettings(**own, web_port=0, url_allow="127.0.0.1")


@pytest.fixture
async def migrated(settings: Settings) -> None:
    """The database has its tables, and whoever may use them."""
    await postgres_database.migrate(settings)
    assert await roles.ensure(settings) == ""


@asynccontextmanager
async def projecting(settings: Settings) -> AsyncIterator[None]:
    """A projector for as long as this lasts."""
    own = ProjectorSettings(**{f: getattr(settings, f) for f in Settings.__struct_fields__})
    stop = asyncio.Event()
    task = asyncio.create_task(Projector(own).run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


@pytest.fixture
async def projector(settings: Settings, migrated: None) -> AsyncIterator[None]:
    async with projecting(settings):
        yield


@asynccontextmanager
async def serving(settings: WebSettings, **client: Any) -> AsyncIterator[Served]:
    """A web for as long as this lasts; the same code as `python -m web`, in this process."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", settings.web_port))
    config = configured(settings)
    server = Server(config)
    server.capture_signals = nullcontext  # type: ignore[assignment,method-assign]
    task = asyncio.create_task(server.serve([listener]))
    await until(lambda: server.started or task.done())
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30, **client) as http:
            yield Served(url, http, server)
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
async def served(web_settings: WebSettings, projector: None) -> AsyncIterator[Served]:
    """A web with everything behind it, following the log."""
    async with serving(web_settings) as running:
        await until(lambda: running.web.hub.live)
        yield running


@pytest.fixture
async def artifacts(settings: Settings) -> AsyncIterator[Artifacts]:
    async with Artifacts(settings) as store:
        yield store


@pytest.fixture
def driver(redis: Redis, key_prefix: str, artifacts: Artifacts) -> Driver:
    """Drives jobs as the engines would."""
    return Driver(Ledger(redis, Keys(key_prefix)), artifacts)


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until the condition holds."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


async def post(served: Served, name: str = "talk.wav", **options: str) -> str:
    """A job of a small file; its id."""
    reply = await served.client.post(
        "/v1/jobs", files={"file": (name, b"RIFF" + bytes(2000), "audio/wav")}, data=options
    )
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


async def settled(served: Served) -> None:
    """Wait until the projection has all that the log has."""
    backends = served.web.backends
    head = await backends.log.head()
    assert head is not None
    async with asyncio.timeout(10):
        while True:
            async with backends.reading() as connection:
                if (await checkpoint(connection)).seq >= head.seq:
                    return
            await asyncio.sleep(0.02)
