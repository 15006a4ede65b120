"""Embedded servers under the conditions of other machines, and when their parent is killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from infra.local.home import Home, is_alive

ROOT = Path(__file__).parents[3]
# A supervisor of nothing but the three servers: it tells their pids, and then waits to be killed.
SUPERVISOR = """
import asyncio, json, os, pathlib, sys
from infra.local.home import Home
from infra.local.options import Options
from infra.local.servers import Servers
from infra.local.steps import ignore

async def main():
    home = Home(pathlib.Path(sys.argv[1]))
    await home.acquire()
    servers = Servers(home, Options(home=home.path, environ={"PATH": os.defpath}), ignore)
    await servers.start()
    pids = {name: child.pid for name, child in servers.children.items()}
    print(json.dumps({**pids, "dsn": servers.settings.postgres_dsn}), flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""
# Root without user namespaces, as in a container with Docker's default seccomp: a namespace with
# all of root's identities, in which no other may be made.
FORBID_NAMESPACES = """
import ctypes, os, pathlib, sys
made, map_made = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    assert ctypes.CDLL(None).unshare(0x10020000) == 0
    os.write(made[1], b"x"), os.read(map_made[0], 1)
    pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("0")
    os.execv(sys.argv[1], sys.argv[1:])
os.read(made[0], 1)
for kind in ("uid", "gid"):
    pathlib.Path(f"/proc/{child}/{kind}_map").write_text("0 0 4294967295")
os.write(map_made[1], b"x")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)
"""
MODES: dict[str, list[str]] = {"as we are": []}
if os.geteuid() == 0:
    MODES["root without user namespaces"] = [sys.executable, "-c", FORBID_NAMESPACES]


@pytest.fixture(params=MODES)
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A process that supervises three servers on tmp_path, and what it said of them."""
    process = subprocess.Popen(
        [*MODES[request.param], sys.executable, "-c", SUPERVISOR, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        assert process.stdout
        said = json.loads(process.stdout.readline())
        holder = Home(tmp_path).supervisor()
        assert holder
        yield said
        with suppress(ProcessLookupError):
            os.kill(holder, signal.SIGKILL)
    until_free(Home(tmp_path)).clear()


def until_free(home: Home) -> Home:
    """The same home, once the last child of its supervisor is gone."""
    while home.is_locked():
        time.sleep(0.01)
    return home


async def until_gone(pids: list[int]) -> None:
    async with asyncio.timeout(10):
        while any(map(is_alive, pids)):
            await asyncio.sleep(0.01)


async def test_no_server_outlives_a_supervisor_that_is_killed(
    supervisor: dict[str, Any], tmp_path: Path
) -> None:
    pids = [supervisor[name] for name in ("valkey", "postgres", "s3")]
    assert all(map(is_alive, pids))
    home = Home(tmp_path)
    holder = home.supervisor()
    assert holder
    sockets = Path((tmp_path / "run").read_text())
    os.kill(holder, signal.SIGKILL)
    await until_gone(pids)
    await home.acquire()  # the last child's end freed it
    home.make_socket_directory()
    assert not sockets.exists()
    home.remove_socket_directory()
    home.release()


def test_files_of_postgres_are_private(supervisor: dict[str, Any], tmp_path: Path) -> None:
    assert (tmp_path / "postgres").stat().st_mode & 0o777 == 0o700
    assert Path((tmp_path / "run").read_text()).stat().st_mode & 0o077 == 0
    assert (tmp_path / "postgres" / "PG_VERSION").read_text() == "18\n"
