"""Echo engines are real engines: a stack of them serves jobs, and does what the files tell."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.client import Client
from infra.local.options import Options
from infra.local.stack import Stack
from streams.events import JobRequest
from tests.echo.engines import WITNESS, witnessed
from tests.echo.script import Act, Script, decode, encode
from tests.echo.stack import COMMANDS, replicas


def test_whatever_is_no_script_is_an_ordinary_file() -> None:
    assert decode(b"RIFF \xff\x00 four score") == Script(says="RIFF four score")


def test_the_last_act_stands_for_all_attempts_that_follow() -> None:
    script = Script(acts={"merge": (Act("crash"), Act(seconds=2))})
    assert decode(encode(script)) == script
    assert [script.act("merge", token) for token in (1, 2, 7)] == [
        Act("crash"),
        Act(seconds=2),
        Act(seconds=2),
    ]
    assert script.act("prepare", 1) == Act()


@pytest.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
async def client(home: Path) -> AsyncIterator[Client]:
    options = Options(
        home=home,
        environ={**os.environ, WITNESS: str(home / "witness")},
        engines=replicas(),
        commands=COMMANDS,
    )
    async with Stack(options) as running, Client(running.running.web.url) as client:
        yield client


async def ended(client: Client, script: Script, folder: Path) -> tuple[str, str, str]:
    """A job's id, status and reason once it settled."""
    path = folder / "script.echo"
    path.write_bytes(encode(script))
    job = await client.submit(path, JobRequest())
    async with asyncio.timeout(60):
        while job.status not in {"succeeded", "failed", "blocked"}:
            await asyncio.sleep(0.05)
            job = await client.job(job.id)
    return job.id, job.status, job.reason


async def test_a_job_through_echo_engines_says_what_its_script_says(
    client: Client, home: Path, tmp_path: Path
) -> None:
    job, status, _ = await ended(client, Script(says="as it was told"), tmp_path)
    assert status == "succeeded"
    assert (await client.transcript(job, "txt")).strip() == "as it was told"
    ran = [(seen.stage, seen.what) for seen in witnessed(home / "witness") if seen.job == job]
    assert ran == [(s, w) for s in ("prepare", "transcribe", "merge") for w in ("begins", "ends")]


async def test_an_attempt_that_crashes_is_done_again(client: Client, tmp_path: Path) -> None:
    script = Script(acts={"transcribe": (Act("crash"), Act())})
    job, status, _ = await ended(client, script, tmp_path)
    assert status == "succeeded"
    told = [event.type for event in (await client.events(job)).events]
    assert told.count("dev.dalston.stage.failed.v1") == 1


async def test_an_input_at_fault_ends_the_job_with_the_reason(
    client: Client, tmp_path: Path
) -> None:
    script = Script(acts={"prepare": (Act("refuse"),)})
    _, status, reason = await ended(client, script, tmp_path)
    assert (status, reason) == ("failed", "the script says that this is no audio")
