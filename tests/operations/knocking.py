"""A client that never stops: it submits again and again, whatever the answer, and keeps count."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import httpx

from infra.client import Client
from streams import tasks
from tests.echo.script import Act, Script, encode
from tests.operations.place import settled

QUICK = Script(says="said while it moved", acts={"transcribe": (Act(seconds=0.3),)})


class Knocking:
    """What the client saw: the ids that were accepted, and how often each status came."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.accepted: list[str] = []
        self.statuses: Counter[int] = Counter()

    async def run(self) -> None:
        """Submit for ever; an upload that was not accepted is sent again under its key."""
        async with httpx.AsyncClient(base_url=self.url, timeout=30) as client:
            while True:
                await self._until_accepted(client, {"Idempotency-Key": uuid4().hex})
                await asyncio.sleep(0.3)

    async def more(self, count: int) -> None:
        """Wait until so many more were accepted."""
        wanted = len(self.accepted) + count
        async with asyncio.timeout(240):
            while len(self.accepted) < wanted:
                await asyncio.sleep(0.05)

    async def transcripts(self) -> dict[str, str]:
        """What each accepted job says, once all have succeeded."""
        async with Client(self.url) as client, asyncio.timeout(300):
            views = await asyncio.gather(*(settled(client, job) for job in self.accepted))
            assert {view.status for view in views} == {"succeeded"}, views
            return {view.id: await client.transcript(view.id, "txt") for view in views}

    async def _until_accepted(self, client: httpx.AsyncClient, key: dict[str, str]) -> None:
        while True:
            try:
                files = {"file": ("a.echo", encode(QUICK))}
                reply = await client.post("/v1/jobs", headers=key, files=files)
            except httpx.TransportError:
                self.statuses[0] += 1
                await asyncio.sleep(0.2)
                continue
            self.statuses[reply.status_code] += 1
            if reply.is_success:
                self.accepted.append(str(reply.json()["id"]))
                return
            assert reply.headers["content-type"] == "application/problem+json"
            assert reply.headers["retry-after"].isdigit()
            await asyncio.sleep(0.2)


@asynccontextmanager
async def knocking(url: str) -> AsyncIterator[Knocking]:
    """One that knocks until the block ends."""
    client = Knocking(url)
    running = asyncio.create_task(client.run())
    yield client
    if running.done():
        running.result()
    await tasks.end(running)
