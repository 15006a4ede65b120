"""The process as it runs: health, the whole way of a job, killed and started again."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from projector import queries
from streams.commit import Ledger
from streams.log import Log
from streams.settings import Settings
from tests.projector.conftest import archived_jobs, caught_up, projected_jobs, until

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


async def test_killed_again_and_again_under_load_it_loses_and_doubles_nothing(
    settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    done = asyncio.create_task(traffic.many(ledger, 400, at_once=8))
    for wait in (0.9, 1.3, 1.1, 1.6):
        process = await start(settings)
        assert process.stderr
        drain = asyncio.create_task(process.stderr.read())
        await asyncio.sleep(wait)
        process.kill()
        await process.wait()
        await drain
    await done
    async with projector(settings):
        assert await caught_up(db, log) >= 400 * traffic.EVENTS_A_JOB
    jobs = await archived_jobs(db)
    assert jobs == await projected_jobs(db)
    assert [job.status for job in jobs.values()] == ["succeeded"] * 400
