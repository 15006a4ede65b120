"""A home with the real engines is upgraded over a migration, and taken back, while jobs run."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from infra.client import Client
from infra.local import stack
from infra.local.stack import NotRunning
from projector import database
from streams.events import JobRequest
from tests.faults.invariants import check
from tests.mixed.atrest import folded
from tests.mixed.homes import Home
from tests.mixed.parts import TAKE_BACK
from tests.mixed.trees import ROOT, TODAY, Tree

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.long,
]
NO_ENGINES = tuple(f"--engine={name}=0" for name in ("audio_prepare", "faster_whisper", "merge"))
MIGRATIONS = {"v0.1.0": "0001", "v0.3.0": "0002"}
"""Release → where its tables are."""
SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"


@pytest.fixture
async def home(tmp_path: Path, environments: Path) -> AsyncIterator[Home]:
    shared = tmp_path / "envs"
    shared.mkdir()
    environments.mkdir(parents=True, exist_ok=True)
    (shared / TODAY.name).symlink_to(environments)
    home = Home(tmp_path / "home", shared)
    yield home
    try:
        await stack.down(home.path)
    except NotRunning:
        return


async def submitted(home: Home, count: int) -> list[str]:
    async with Client(stack.read(home.path).web.url) as client:
        views = [await client.submit(SAMPLE, JobRequest()) for _ in range(count)]
    return [view.id for view in views]


async def underway(home: Home, job: str, seconds: float = 120) -> None:
    """Wait until the job is being worked on."""
    async with asyncio.timeout(seconds), Client(stack.read(home.path).web.url) as client:
        while (await client.job(job)).status != "running":
            await asyncio.sleep(0.1)


async def all_succeed(home: Home, jobs: list[str], seconds: float = 400) -> None:
    async with asyncio.timeout(seconds), Client(stack.read(home.path).web.url) as client:
        for job in jobs:
            while (view := await client.job(job)).status != "succeeded":
                assert view.status in {"accepted", "queued", "running"}, view
                await asyncio.sleep(0.3)
            assert "Dashwood" in await client.transcript(job, "txt")


async def migrated_to(home: Home) -> str | None:
    engine = database.engine(home.settings)
    try:
        return await database.version(engine)
    finally:
        await engine.dispose()


async def test_a_home_is_upgraded_and_taken_back_while_its_jobs_run(home: Home, old: Tree) -> None:
    await home.does(old, "up", "--detach")
    jobs = await submitted(home, 3)
    await underway(home, jobs[0])
    assert await migrated_to(home) == MIGRATIONS[old.name]
    assert "faster_whisper" in await home.does(TODAY, "status")  # today's on what runs there
    await home.does(TODAY, "down")

    await home.does(TODAY, "up", "--detach")
    assert await migrated_to(home) == database.HEAD
    jobs += await submitted(home, 2)
    await all_succeed(home, jobs)
    await folded(home.settings)
    await check(home.settings)
    assert "DIFFERENT" not in await home.does(TODAY, "rebuild")
    await home.does(TODAY, "doctor")

    jobs = await submitted(home, 2)
    await underway(home, jobs[0])
    await home.does(TODAY, "down")
    if old.name in TAKE_BACK:
        refused = await home.run(old, "up", "--detach")
        assert refused.code == 1
        assert "Can't locate revision identified by" in refused.err
        await take_back(home, old)
    await home.does(old, "up", "--detach")
    await all_succeed(home, jobs)
    await folded(home.settings)
    await check(home.settings)


async def take_back(home: Home, tree: Tree) -> None:
    """What people do before they go back to a release that knows no newer tables."""
    await home.does(TODAY, "up", "--detach", *NO_ENGINES)
    connection = await asyncpg.connect(home.settings.postgres_dsn)
    await connection.execute(TAKE_BACK[tree.name])
    await connection.close()
    await home.does(TODAY, "down")
