"""Somebody who goes on submitting while parts come and go, and remembers what was accepted."""

import asyncio
from types import TracebackType
from typing import Self

import httpx
import msgspec

from streams import tasks
from streams.ids import new_id
from tests.echo.script import Act, Script, encode

PAUSE_S = 0.6
WORK: dict[str, tuple[Act, ...]] = {
    "prepare": (Act(seconds=0.2),),
    "transcribe": (Act(seconds=0.4),),
}


ENDS = ("succeeded", "failed", "cancelled", "blocked")


class Accepted(msgspec.Struct, frozen=True):
    """A job, and the words that its transcript must have."""

    job: str
    words: str


class Traffic:
    """Submits a small job again and again between `async with` and its end."""

    def __init__(self, url: str) -> None:
        self.accepted: list[Accepted] = []
        self._http = httpx.AsyncClient(base_url=url, timeout=30, trust_env=False)
        self._flow: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.flow()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.pause()
        await self.close()

    async def close(self) -> None:
        """Let go of the web."""
        await self._http.aclose()

    def flow(self) -> None:
        """Begin to submit, or go on."""
        self._flow = asyncio.create_task(self._submit_for_ever())

    async def pause(self) -> None:
        """Submit no more; a request under way is given up, so that nobody knows of it."""
        if self._flow:
            await tasks.end(self._flow)
            self._flow = None

    async def more(self, count: int, seconds: float = 60) -> None:
        """Wait until so many more jobs were accepted: work is under way while a part changes."""
        wanted = len(self.accepted) + count
        async with asyncio.timeout(seconds):
            while len(self.accepted) < wanted:
                await asyncio.sleep(0.05)

    async def submit(self, acts: dict[str, tuple[Act, ...]] = WORK) -> str:
        """One job, however often the web must be asked; its id."""
        key = new_id()
        words = f"words of {key}"
        script = encode(Script(says=words, acts=acts))
        while True:
            try:
                reply = await self._http.post(
                    "/v1/jobs", headers={"idempotency-key": key}, files={"file": ("a.json", script)}
                )
            except httpx.TransportError:
                await asyncio.sleep(0.2)
                continue
            if reply.is_success:
                self.accepted.append(Accepted(reply.json()["id"], words))
                return self.accepted[-1].job
            assert reply.status_code == 503, reply.text
            await asyncio.sleep(0.2)

    async def post(self, fields: dict[str, str]) -> httpx.Response:
        """A small job with fields of a form, once."""
        files = {"file": ("a.json", encode(Script()))}
        return await self._http.post("/v1/jobs", data=fields, files=files)

    async def act(self, job: str, what: str) -> httpx.Response:
        """``cancel`` or ``retry`` a job."""
        return await self._http.post(f"/v1/jobs/{job}/{what}")

    async def ends(self, job: str, seconds: float = 60) -> str:
        """The status in which a job ends or waits for a person."""
        async with asyncio.timeout(seconds):
            while (status := (await self.view(job))["status"]) not in ENDS:
                await asyncio.sleep(0.1)
        return str(status)

    async def begins(self, job: str, seconds: float = 60) -> None:
        """Wait until a job is being worked on."""
        async with asyncio.timeout(seconds):
            while (await self.view(job))["status"] != "running":
                await asyncio.sleep(0.05)

    async def view(self, job: str) -> dict[str, object]:
        """A job as the API shows it."""
        reply = await self._http.get(f"/v1/jobs/{job}")
        assert reply.status_code == 200, reply.text
        found: dict[str, object] = reply.json()
        return found

    async def all_succeed(self, seconds: float = 120) -> None:
        """Every job that was accepted ends with the words that went in."""
        async with asyncio.timeout(seconds):
            for one in self.accepted:
                assert await self.ends(one.job, seconds) == "succeeded", await self.view(one.job)
                reply = await self._http.get(f"/v1/jobs/{one.job}/transcript?format=txt")
                assert one.words in reply.text

    async def _submit_for_ever(self) -> None:
        while True:
            await self.submit()
            await asyncio.sleep(PAUSE_S)
