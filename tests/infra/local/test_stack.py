"""Whole stacks: every process real, found through stack.json, killed for real."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import msgspec
import pytest

from infra.local import stack
from infra.local.home import Home, is_alive
from infra.local.options import encode
from infra.local.record import Process
from infra.local.stack import AlreadyRunning, LocalError, NotRunning, Options, Running, Stack, Step

ROOT = Path(__file__).parents[3]


@pytest.fixture
def options(tmp_path: Path, environments: Path) -> Options:
    """The smallest stack that has replicas."""
    return Options(
        home=tmp_path / "home",
        environ=dict(os.environ),
        engines={"merge": 2},
        environments=environments,
    )


def processes(running: Running) -> list[Process]:
    """Every child that stack.json names."""
    servers = [running.web, running.valkey, running.postgres, running.s3, running.projector]
    return [*servers, *running.engines.values()]


def pids(running: Running) -> list[int]:
    return [process.pid for process in processes(running) if process.pid]


async def until(condition: Any, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


async def health(running: Running) -> list[int]:
    async with httpx.AsyncClient() as http:
        places = [running.web.url, running.projector.health]
        places += [engine.health for engine in running.engines.values()]
        return [(await http.get(f"{place}/healthz")).status_code for place in places]


@asynccontextmanager
async def detached(options: Options) -> AsyncIterator[Running]:
    await stack.up(options, detach=True)
    try:
        yield stack.read(options.home)
    finally:
        with suppress(NotRunning):
            await stack.down(options.home)


async def test_a_stack_is_found_while_it_runs_and_leaves_nothing_behind(options: Options) -> None:
    told: list[Step] = []
    async with Stack(options, told.append):
        running = stack.read(options.home)
        assert list(running.engines) == ["merge", "merge-2"]
        assert len(set(pids(running))) == 7
        assert await health(running) == [200] * 4
        written = (options.home / "stack.json").read_text()
        assert stack.settings(options.home).s3_secret_key not in written
        assert (options.home / "secrets.json").stat().st_mode & 0o777 == 0o600
        with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"):
            await Stack(options).start()
        assert await health(running) == [200] * 4
    assert not any(map(is_alive, pids(running)))
    assert not (options.home / "stack.json").exists()
    assert not (options.home / "run").exists()
    with pytest.raises(NotRunning, match="dalston up"):
        stack.read(options.home)
    stopped = [step.name for step in told if step.state == "stopped"]
    assert set(stopped[:2]) == {"merge", "merge-2"}  # engines drain while all else still runs
    assert stopped[2:4] == ["web", "projector"]


async def test_the_web_works_as_a_role_that_owns_nothing(options: Options) -> None:
    async with Stack(options):
        async with httpx.AsyncClient(base_url=stack.read(options.home).web.url) as http:
            listed = await http.get("/v1/jobs")
            asked = await http.post("/v1/sql", json={"sql": "SELECT current_user"})
        assert listed.status_code == 200, listed.text
        assert asked.json()["rows"] == [["dalston_reader"]]
        owner = await asyncpg.connect(stack.settings(options.home).postgres_dsn)
        pids = "SELECT usename, count(*) FROM pg_stat_activity WHERE datname = 'dalston' GROUP BY 1"
        users = {row[0] for row in await owner.fetch(pids)}
        assert {"dalston", "dalston_web"} <= users
        await owner.close()
        logged = (options.home / "logs" / "postgres.log").read_text()
        assert "permission denied" not in logged


async def test_a_child_that_is_killed_is_restarted_and_stack_json_tells_its_new_pid(
    options: Options,
) -> None:
    told: list[Step] = []
    async with Stack(options, told.append) as running_stack:
        for name in ("web", "projector", "merge-2", "valkey", "postgres", "s3"):
            before = places(running_stack.running)[name].pid
            assert before
            os.kill(before, signal.SIGKILL)
            await until(lambda: told[-1] == Step(name, "ready", "restarted"))  # noqa: B023
            now = places(stack.read(options.home))[name].pid
            assert now not in (None, before)
        await until_healthy(stack.read(options.home))


def places(running: Running) -> dict[str, Process]:
    named = {n: getattr(running, n) for n in ("web", "projector", "valkey", "postgres", "s3")}
    return {**named, **running.engines}


async def until_healthy(running: Running) -> None:
    async with asyncio.timeout(30):
        while await health(running) != [200] * 4:
            await asyncio.sleep(0.1)


async def test_a_stack_in_the_background_is_stopped_from_another_process(
    options: Options,
) -> None:
    told: list[Step] = []
    await stack.up(options, told.append, detach=True)
    running = stack.read(options.home)
    assert running.supervisor.pid not in (None, os.getpid())
    assert {"valkey", "web", "merge-2"} <= {step.name for step in told if step.state == "ready"}
    assert await health(running) == [200] * 4
    with pytest.raises(AlreadyRunning, match=f"pid {running.supervisor.pid}"):
        await stack.up(options, detach=True)
    await stack.down(options.home)
    assert not any(map(is_alive, [*pids(running), running.supervisor.pid or 0]))
    with pytest.raises(NotRunning):
        await stack.down(options.home)


async def test_no_child_outlives_a_supervisor_that_is_killed_and_the_next_stack_comes_up(
    options: Options,
) -> None:
    async with detached(options) as first:
        assert first.supervisor.pid
        os.kill(first.supervisor.pid, signal.SIGKILL)
        await until(lambda: not any(map(is_alive, pids(first))), 10)
        with pytest.raises(NotRunning):
            await stack.down(options.home)
        assert not (options.home / "stack.json").exists()
        assert not (options.home / "run").exists()
        await stack.up(options, detach=True)
        second = stack.read(options.home)
        assert await health(second) == [200] * 4
        assert not set(pids(first)) & set(pids(second))


async def test_two_stacks_live_side_by_side(options: Options, tmp_path: Path) -> None:
    other = msgspec.structs.replace(options, home=tmp_path / "other", engines={})
    async with Stack(options) as a, Stack(other) as b:
        assert not set(pids(a.running)) & set(pids(b.running))
        assert a.running.web.url != b.running.web.url
        async with httpx.AsyncClient() as http:
            for running in (a.running, b.running):
                assert (await http.get(f"{running.web.url}/readyz")).status_code == 200


async def test_a_part_that_fails_is_named_and_nothing_is_left(options: Options) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        broken = msgspec.structs.replace(options, web_port=port)
        with pytest.raises(LocalError, match=f"port {port} on 127.0.0.1 is taken"):
            await Stack(broken).start()
    broken = msgspec.structs.replace(
        options, environ={**options.environ, "DALSTON_HEALTH_HOST": "256.0.0.1"}
    )
    with pytest.raises(LocalError, match=r"projector: exited with status (.|\n)*projector\.log"):
        await Stack(broken).start()
    assert not (options.home / "stack.json").exists()
    assert not (options.home / "run").exists()
    with pytest.raises(LocalError, match="no engine 'nemo'"):
        await Stack(msgspec.structs.replace(options, engines={"nemo": 1})).start()
    assert not Home(options.home).is_locked()


@pytest.mark.parametrize(
    ("after", "number"),
    [
        ("postgres", signal.SIGINT),
        ("projector", signal.SIGTERM),
        ("merge", signal.SIGHUP),
    ],
)
async def test_a_signal_while_it_starts_ends_it_in_order(
    options: Options, after: str, number: signal.Signals
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FOREGROUND, after),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdin
    assert process.stdout
    process.stdin.write(encode(options))
    process.stdin.close()
    assert await process.stdout.readline() == b"now\n"
    process.send_signal(number)
    async with asyncio.timeout(30):
        assert await process.wait() == 0
    assert not (options.home / "stack.json").exists()
    assert not (options.home / "run").exists()
    assert not Home(options.home).is_locked()  # every child that held it is gone


# A foreground stack that says when a certain part is about to start.
FOREGROUND = """
import asyncio, sys
from infra.local.options import decode
from infra.local.stack import up

def told(step):
    if (step.name, step.state) == (sys.argv[1], "starting"):
        print("now", flush=True)

asyncio.run(up(decode(sys.stdin.buffer.read()), told))
"""
