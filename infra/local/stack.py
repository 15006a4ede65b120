"""The door to local stacks: bring one up here or in the background, find it, take it down."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from infra.local import record, supervisor
from infra.local.assembly import Stack
from infra.local.child import open_log, tail
from infra.local.environment import ROOT
from infra.local.errors import AlreadyRunning, LocalError, NotRunning
from infra.local.home import Home, is_alive
from infra.local.options import (
    DEFAULT_ENGINES,
    Options,
    encode,
    home_of,
    with_commands,
    with_replicas,
)
from infra.local.record import Running
from infra.local.steps import Report, Step, ignore
from streams.settings import Settings

__all__ = [
    "DEFAULT_ENGINES",
    "AlreadyRunning",
    "LocalError",
    "NotRunning",
    "Options",
    "Report",
    "Running",
    "Stack",
    "Step",
    "down",
    "home_of",
    "read",
    "settings",
    "up",
    "with_commands",
    "with_replicas",
]

STOP_S = 90.0  # engines have their grace, then everybody else


async def up(
    options: Options,
    report: Report = ignore,
    *,
    detach: bool = False,
    ready: Callable[[Running], None] = lambda _: None,
) -> None:
    """Bring a stack up and tell `ready` once it is; here until a signal, or in the background.

    Raises:
        AlreadyRunning: there is a stack on this home.
        LocalError: some part did not come up; nothing is left running.
    """
    if not detach:
        await supervisor.serve(options, report, ready)
        return
    await start_in_background(options, report)
    ready(read(options.home))


async def down(home: Path, report: Report = ignore) -> None:
    """Stop the stack on a home and return once all of it is gone.

    Raises:
        NotRunning: there is none; what a killed one left is cleared all the same.
        LocalError: it does not end.
    """
    place = Home(home)
    if not place.is_locked():
        place.clear()
        raise NotRunning(f"no stack runs on {place.path}")
    pid = place.supervisor()
    report(Step("supervisor", "stopping"))
    if pid and is_alive(pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    give_up = time.monotonic() + STOP_S
    while place.is_locked() or (pid and is_alive(pid)):
        if time.monotonic() > give_up:
            raise LocalError(f"the stack on {place.path}, pid {pid}, does not end: kill -9 {pid}")
        await asyncio.sleep(0.05)
    report(Step("supervisor", "stopped"))


def read(home: Path) -> Running:
    """What runs on a home, and where; raise NotRunning."""
    return record.read(Home(home))


def settings(home: Path) -> Settings:
    """How to reach the servers of the stack on a home, keys included; raise NotRunning."""
    return record.settings(Home(home))


async def start_in_background(options: Options, report: Report) -> None:
    """Start a supervisor in a session of its own; return when it says that the stack is ready."""
    log = Home(options.home).log("supervisor")
    with open_log(log) as output:
        process = subprocess.Popen(  # noqa: ASYNC220 - asyncio would kill it when its loop ends
            [sys.executable, "-m", "infra.local.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
            env=environment(options.environ),
            cwd="/",
            start_new_session=True,
        )
    with process:
        assert process.stdin
        process.stdin.write(encode(options))
        process.stdin.close()
        pid = 0
        try:
            while line := await hear(process):
                pid = line.pid or pid
                if line.step:
                    report(line.step)
                if line.end == "ready":
                    return
                if line.end == "already running":
                    raise AlreadyRunning(line.message)
                if line.end == "failed":
                    raise LocalError(line.message)
        except asyncio.CancelledError:  # nobody waits for this stack any more
            if pid:
                os.kill(pid, signal.SIGTERM)
            raise
    raise LocalError(f"the supervisor ended; {log} ends with:\n{tail(log)}")


async def hear(process: subprocess.Popen[bytes]) -> supervisor.Line | None:
    """The next thing that a supervisor in the background says; None when it is gone."""
    assert process.stdout
    raw = await asyncio.to_thread(process.stdout.readline)
    return msgspec.json.decode(raw, type=supervisor.Line) if raw else None


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """What the supervisor needs to find this very code."""
    path = os.pathsep.join(filter(None, [str(ROOT), environ.get("PYTHONPATH", "")]))
    return {**environ, "PYTHONPATH": path}
