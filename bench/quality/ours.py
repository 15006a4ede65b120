"""The same audio through a real local stack, over HTTP as anybody sends it."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from bench.quality.audio import Recording
from bench.quality.lab import ENVIRONMENTS, say, told
from infra.local.options import Options
from infra.local.stack import Stack
from streams.artifacts import Artifacts
from streams.events import Artifact
from streams.transcript import Diarization, Transcript

ENGINES = ("audio_prepare", "faster_whisper", "moonshine", "pocketsphinx", "pyannote", "merge")
PATIENCE_S = 1800.0
COMPLETED = "dev.dalston.stage.completed.v1"
OVER = {"succeeded", "failed", "cancelled"}


class StageRan(msgspec.Struct, kw_only=True):
    """What one stage of a job used: seconds of audio and of work, bytes of memory."""

    engine: str
    audio_s: float
    wall_s: float
    peak_rss: int | None


class Heard(msgspec.Struct, kw_only=True):
    """What came out of a job."""

    transcript: Transcript
    diarization: Diarization | None
    stages: list[StageRan]


class Ours:
    """A stack that is up."""

    def __init__(self, client: httpx.AsyncClient, store: Artifacts) -> None:
        self._client = client
        self._store = store

    async def hear(
        self, what: str, recordings: Sequence[Recording], fields: Mapping[str, str]
    ) -> list[Heard]:
        """Each recording as a job, one after the other, so that times mean something."""
        found = []
        for number, one in enumerate(recordings, 1):
            found.append(await self._hear(one, fields))
            say(f"{what}: {number} of {len(recordings)} ({one.kind}, {one.name})")
        return found

    async def _hear(self, one: Recording, fields: Mapping[str, str]) -> Heard:
        path = Path(one.file)
        audio = await asyncio.to_thread(path.read_bytes)
        answer = await self._client.post(
            "/v1/jobs", data=dict(fields), files={"file": ("audio.wav", audio)}
        )
        answer.raise_for_status()
        job = await self._over(answer.json()["id"])
        if job["status"] != "succeeded" or any(s["status"] != "completed" for s in job["stages"]):
            raise RuntimeError(f"{one.kind}, {one.name}: {job['status']}, {job['stages']}")
        text = await self._client.get(f"/v1/jobs/{job['id']}/transcript?format=json")
        text.raise_for_status()
        return Heard(
            transcript=msgspec.json.decode(text.content, type=Transcript),
            diarization=await self._diarization(job["id"]) if "diarize" in fields else None,
            stages=[
                StageRan(
                    engine=f"{stage['name']} ({stage['engine']})",
                    audio_s=job["audio_s"],
                    wall_s=stage["wall_s"] or 0.0,
                    peak_rss=stage["peak_rss"],
                )
                for stage in job["stages"]
            ],
        )

    async def _over(self, job: str) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = (await self._client.get(f"/v1/jobs/{job}")).raise_for_status().json()
                if found["status"] in OVER:
                    return dict(found)
                await asyncio.sleep(0.3)

    async def _diarization(self, job: str) -> Diarization:
        events = (await self._client.get(f"/v1/jobs/{job}/events?limit=500")).raise_for_status()
        for event in events.json()["events"]:
            data = event["data"]
            if event["type"] == COMPLETED and data["stage"] == "diarize":
                output = msgspec.convert(data["output"], Artifact)
                return await self._store.get_value(output, Diarization)
        raise RuntimeError(f"job {job} has no output of diarize")


@asynccontextmanager
async def started(
    more: Sequence[str] = (), environ: Mapping[str, str] | None = None
) -> AsyncIterator[Ours]:
    """A stack with the engines that are measured, and ``more``; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="dalston-quality-") as home:
        options = Options(
            home=Path(home),
            environ={**os.environ, "DALSTON_PREWARM": "0", **(environ or {})},
            engines=dict.fromkeys((*ENGINES, *more), 1),
            environments=ENVIRONMENTS,
        )
        async with Stack(options, told) as stack:
            say("a stack is up")
            async with (
                httpx.AsyncClient(base_url=stack.running.web.url, timeout=120) as client,
                Artifacts(stack.settings) as store,
            ):
                yield Ours(client, store)
