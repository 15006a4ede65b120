"""A whole stack with real engines, quick to notice a loss, for tests that hurt it."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from infra.local.options import Options
from infra.local.stack import Stack

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"
LEASE_S = "3"


class Api:
    """The stack's HTTP API, as a patient client uses it."""

    def __init__(self, url: str) -> None:
        self.client = httpx.AsyncClient(base_url=url, timeout=60)

    async def submit(self, key: str = "", body: bytes = b"") -> str:
        """Post the sample, or ``body``, until it is accepted; the same key is the same job."""
        files = {"file": ("a.flac", body or SAMPLE.read_bytes())}
        headers = {"Idempotency-Key": key} if key else {}
        for _ in range(120):
            try:
                answer = await self.client.post("/v1/jobs", headers=headers, files=files)
            except httpx.TransportError:
                await asyncio.sleep(0.5)
                continue
            if answer.status_code in {200, 202}:
                return str(answer.json()["id"])
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.5)
        raise AssertionError("never accepted")

    async def view(self, job: str) -> dict[str, object]:
        """The job, however long the servers are away."""
        for _ in range(120):
            try:
                answer = await self.client.get(f"/v1/jobs/{job}")
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                found: dict[str, object] = answer.json()
                return found
            assert answer is None or answer.status_code == 503, answer.text
            await asyncio.sleep(0.5)
        raise AssertionError(f"{job} cannot be read")

    async def ends(self, job: str, seconds: float = 150) -> dict[str, object]:
        """The job once nothing more happens to it."""
        async with asyncio.timeout(seconds):
            while True:
                view = await self.view(job)
                if view["status"] in {"succeeded", "failed", "cancelled", "blocked"}:
                    return view
                await asyncio.sleep(0.2)

    async def runs(self, job: str, stage: str) -> None:
        """Wait until a stage is being worked on (or is over)."""
        async with asyncio.timeout(60):
            while True:
                stages = (await self.view(job))["stages"]
                status = {s["name"]: s["status"] for s in stages}[stage]  # type: ignore[attr-defined]
                if status in {"running", "completed"}:
                    return
                await asyncio.sleep(0.02)


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Two transcribers, so that a job goes on when one is lost."""
    options = Options(
        home=tmp_path_factory.mktemp("home"),
        environ={**os.environ, "DALSTON_LEASE_S": LEASE_S},
        engines={"audio_prepare": 1, "faster_whisper": 2, "merge": 1},
        environments=ROOT / ".dalston" / "envs",
    )
    async with Stack(options) as running:
        yield running


@pytest.fixture
async def api(stack: Stack) -> AsyncIterator[Api]:
    door = Api(stack.running.web.url)
    yield door
    await door.client.aclose()
