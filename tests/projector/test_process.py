"""The process as it runs: health, the whole way of a job, killed and started again."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from projector import queries
from streams.commit import Ledger
from streams.events import Event
from streams.job import Job, evolve
from streams.log import Log
from streams.settings import Settings

ROOT = Path(__file__).parents[2]


def environment(settings: Settings, **more: str) -> dict[str, str]:
    fields = {name: str(getattr(settings, name)) for name in settings.__struct_fields__}
    return {
        "PATH": os.defpath,
        **{f"DALSTON_{name.upper()}": value for name, value in (fields | more).items()},
    }


async def start(settings: Settings, **more: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "projector", cwd=ROOT, env=environment(settings, **more),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


@asynccontextmanager
async def projector(settings: Settings, **more: str) -> AsyncIterator[str]:
    """A projector process; gives the address of its health."""
    process = await start(settings, **more)
    assert process.stderr
    port = ""
    while not port:
        line = (await asyncio.wait_for(process.stderr.readline(), 20)).decode()
        assert line, "the projector ended before it said its port"
        port = line.rpartition("health on port ")[2].strip() if "health on port" in line else ""
    drain = asyncio.create_task(process.stderr.read())
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0
        await drain


async def until(true: Callable[[], object], *, seconds: float = 15) -> None:
    async with asyncio.timeout(seconds):
        while not await true():  # type: ignore[misc]
            await asyncio.sleep(0.05)


async def test_it_folds_and_tells_its_health(
    settings: Settings, db: AsyncEngine, ledger: Ledger
) -> None:
    async with projector(settings) as url, httpx.AsyncClient(base_url=url) as client:
        job = await traffic.succeeded(ledger)

        async def folded() -> bool:
            async with db.connect() as c:
                return await queries.job(c, job.id, tenant="default") == job

        await until(folded)
        assert (await client.get("/healthz")).json()["profile"] == "single"
        ready = await client.get("/readyz")
        assert (ready.status_code, ready.json()["seq"]) == (200, 12)
        assert "dalston_projector_events_total 12.0" in (await client.get("/metrics")).text
        assert (await client.get("/else")).status_code == 404
        assert (await client.post("/healthz")).status_code == 405


async def fold_of_archive(db: AsyncEngine) -> dict[str, Job]:
    """What the archive alone says, by the pure function alone."""
    jobs: dict[str, Job] = {}
    seq, last = 0, ""
    async with db.connect() as c:
        while batch := await queries.events(c, after=seq):
            for event in batch:
                assert (event.seq, event.prev) == (seq + 1, last), "the chain is broken"
                seq, last = event.seq, event.id
                after = evolve(jobs.get(event.job), event)
                if after:
                    jobs[event.job] = after
        assert (await queries.checkpoint(c)).seq >= seq
    return jobs


async def projected(db: AsyncEngine) -> dict[str, Job]:
    from streams.job import decode

    async with db.connect() as c:
        states = (await c.scalars(text("SELECT state FROM jobs"))).all()
    return {job.id: job for job in map(decode, states)}
