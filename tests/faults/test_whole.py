"""Servers away, processes killed, Redis wiped, while real jobs run: nothing lost, nothing twice."""

import asyncio
import os
import shutil
import signal
from pathlib import Path

import pytest

from infra.local.stack import Stack
from projector import database, queries
from tests.faults.conftest import Api
from tests.faults.invariants import check

SHORT = bool(os.environ.get("DALSTON_SHORT"))
AWAY_S = 4.0 if SHORT else 10.0

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]


def pid_of(stack: Stack, name: str) -> int:
    running = stack.running
    parts = {
        "valkey": running.valkey, "postgres": running.postgres, "s3": running.s3,
        "web": running.web, "projector": running.projector, **running.engines,
    }  # fmt: skip
    pid = parts[name].pid
    assert pid
    return pid


async def settled(stack: Stack) -> None:
    """Wait until the projection has reached the end of the log."""
    engine = database.engine(stack.settings)
    async with asyncio.timeout(60):
        before = -1
        while True:
            async with engine.connect() as connection:
                at = (await queries.checkpoint(connection)).seq
            if at == before:
                break
            before = at
            await asyncio.sleep(1.0)
    await engine.dispose()


async def finish(stack: Stack, api: Api, jobs: list[str]) -> None:
    for view in await asyncio.gather(*(api.ends(job) for job in jobs)):
        assert view["status"] == "succeeded", view
    await settled(stack)
    await check(stack.settings)


@pytest.mark.parametrize("server", ["valkey", "postgres", "s3"])
async def test_a_server_that_is_away_for_a_while_loses_nothing(
    stack: Stack, api: Api, server: str
) -> None:
    jobs = [await api.submit() for _ in range(2)]
    await api.runs(jobs[0], "transcribe")
    pid = pid_of(stack, server)
    for one in _family(pid):
        os.kill(one, signal.SIGSTOP)
    late = asyncio.create_task(api.submit())
    await asyncio.sleep(AWAY_S)
    for one in _family(pid):
        os.kill(one, signal.SIGCONT)
    await finish(stack, api, [*jobs, await late])


@pytest.mark.parametrize(
    "victim", ["valkey", "postgres", "s3", "projector", "web", "faster_whisper", "audio_prepare"]
)
async def test_a_process_that_is_killed_comes_back_and_its_jobs_finish(
    stack: Stack, api: Api, victim: str
) -> None:
    jobs = [await api.submit() for _ in range(2)]
    await api.runs(jobs[0], "transcribe")
    os.kill(pid_of(stack, victim), signal.SIGKILL)
    jobs.append(await api.submit(key=f"after-{victim}"))
    await finish(stack, api, jobs)


async def test_a_stopped_engine_that_wakes_after_its_lease_changes_nothing(
    stack: Stack, api: Api
) -> None:
    job = await api.submit()
    await api.runs(job, "transcribe")
    stopped = [pid_of(stack, name) for name in ("faster_whisper", "faster_whisper-2")]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    await asyncio.sleep(5.0)
    for pid in stopped:
        os.kill(pid, signal.SIGCONT)
    await finish(stack, api, [job])


@pytest.mark.parametrize("stage", ["prepare", "transcribe", "merge"])
async def test_a_job_can_be_cancelled_in_each_stage(stack: Stack, api: Api, stage: str) -> None:
    job = await api.submit()
    await api.runs(job, stage)
    answer = await api.client.post(f"/v1/jobs/{job}/cancel")
    view = await api.ends(job)
    if answer.status_code == 409:  # it was done in that very moment
        assert view["status"] == "succeeded"
    else:
        assert view["status"] == "cancelled"
        transcript = await api.client.get(f"/v1/jobs/{job}/transcript?format=json")
        assert transcript.status_code == 404
    await settled(stack)
    await check(stack.settings)


async def test_a_redis_that_lost_everything_is_rebuilt_and_jobs_finish(
    stack: Stack, api: Api
) -> None:
    jobs = [await api.submit() for _ in range(3)]
    await api.runs(jobs[0], "transcribe")
    shutil.rmtree(_data_of(stack))
    os.kill(pid_of(stack, "valkey"), signal.SIGKILL)
    await finish(stack, api, jobs)


def _data_of(stack: Stack) -> Path:
    return stack.home.path / "valkey" / "appendonlydir"


def _family(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += (int(child) for child in children.read_text().split())
    return found
