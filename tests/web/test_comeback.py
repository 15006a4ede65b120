"""Servers are killed with kill -9 while a page follows: no hole, no double, the API's end."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from infra.local.options import Options
from infra.local.stack import Stack
from projector import database, queries
from streams import tasks
from streams.artifacts import Artifacts
from streams.cloudevents import cloud_event
from streams.commit import Ledger
from streams.connection import connect as redis_of
from streams.events import Event
from streams.job import fold
from streams.keys import Keys
from streams.log import Log
from tests.web.conftest import until
from tests.web.driver import Driver
from web.views import JobView, job_view

Json = dict[str, Any]


class Page:
    """Follows all from the first event, and comes back with the place of the last one it has."""

    def __init__(self, url: str) -> None:
        self.told: list[Json] = []
        self.notices: Counter[str] = Counter()
        self.opened = 0
        self._url = url.replace("http", "ws", 1) + "/v1/events"

    async def follow(self) -> None:
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(f"{self._url}?{self._place()}", proxy=None) as socket:
                    self.opened += 1
                    async for text in socket:
                        self._take(msgspec.json.decode(text))
            await asyncio.sleep(0.1)

    def _place(self) -> str:
        if not self.told:
            return "from=1"
        last = self.told[-1]
        return f"epoch={last['epoch']}&seq={last['seq']}&id={last['id']}"

    def _take(self, message: Json) -> None:
        if message["type"] == "event":
            self.told.append(message["event"])
        else:
            self.notices[message["type"]] += 1


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Servers, projector and web as `dalston up` starts them, without engines."""
    options = Options(home=tmp_path, environ={**os.environ, "DALSTON_PREWARM": "0"}, engines={})
    async with Stack(options) as running:
        yield running


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """For as long as this lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        await tasks.end(task)


def plain(value: object) -> Json:
    """As it comes out of JSON."""
    found: Json = msgspec.json.decode(msgspec.json.encode(value))
    return found


async def archived(stack: Stack, seq: int) -> list[Event]:
    """All events, once the archive has them up to that one."""
    engine = database.engine(stack.settings)
    try:
        async with asyncio.timeout(30):
            while True:
                async with engine.connect() as connection:
                    if (await queries.checkpoint(connection)).seq >= seq:
                        return await queries.events(connection, limit=100_000)
                await asyncio.sleep(0.1)
    finally:
        await engine.dispose()


async def posted(api: httpx.AsyncClient) -> str:
    """A job of a small file; its id."""
    file = ("talk.wav", b"RIFF" + bytes(2000), "audio/wav")
    return str((await api.post("/v1/jobs", files={"file": file})).raise_for_status().json()["id"])


@pytest.mark.parametrize("victim", ["web", "projector", "valkey"])
async def test_a_page_that_comes_back_has_every_event_once_and_ends_as_the_api_has_it(
    stack: Stack, victim: str
) -> None:
    page = Page(stack.running.web.url)
    async with (
        redis_of(stack.settings.redis_url, patience=20) as redis,
        Artifacts(stack.settings) as artifacts,
        httpx.AsyncClient(base_url=stack.running.web.url, timeout=30) as api,
        running(page.follow()),
    ):
        keys = Keys(stack.settings.key_prefix, stack.settings.partition)
        driver = Driver(Ledger(redis, keys), artifacts)
        cut, whole, last = [await posted(api) for _ in range(3)]
        await driver.run(cut, "prepare")
        await until(lambda: len(page.told) > 5)
        os.kill(getattr(stack.running, victim).pid, signal.SIGKILL)
        await driver.complete_from(cut, "transcribe")
        await driver.complete(whole)
        await until(lambda: page.opened == (2 if victim == "web" else 1), 20)
        await driver.run(last, "prepare")
        head = await Log(redis, keys).head()
        assert head
        events = await archived(stack, head.seq)
        await until(lambda: page.told[-1]["seq"] >= events[-1].seq, 20)
        assert page.told == [plain(cloud_event(event)) for event in events]
        assert page.notices["snapshot"] == 0
        for job_id in (cut, whole, last):
            state = fold([event for event in events if event.job == job_id])
            assert state
            reply = (await api.get(f"/v1/jobs/{job_id}")).raise_for_status()
            assert msgspec.json.decode(reply.content, type=JobView) == job_view(state)
