"""This machine: Python, the home and its disk, the processes of a local stack."""

import shutil
import sys
import tempfile
from pathlib import Path

from infra.doctor.finding import Finding, fail, ok, warn
from infra.local.home import is_alive
from infra.local.record import Process, Running

FULL_BYTES, LEAST_BYTES, SCARCE_BYTES = 100 << 20, 1 << 30, 5 << 30
PLACES = ("valkey", "postgres", "s3", "work", "logs")
"""What in a home may have a disk of its own."""


def examine(home: Path) -> list[Finding]:
    """What holds whether or not a stack runs."""
    return [python(), *directory(home)]


def python() -> Finding:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 - told, rather than a SyntaxError somewhere
        return fail("python", version, "install Python 3.11 or newer and run `make setup`")
    return ok("python", f"{version}, {sys.executable}")


def directory(home: Path) -> list[Finding]:
    """The home, or where it would be made, and the space on its disk."""
    there = next(path for path in (home, *home.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            findings = [ok("home", str(home))]
    except OSError as error:
        reason = error.strerror or str(error)
        cure = "make it writable, or name another directory with --home or DALSTON_HOME"
        return [fail("home", f"{home} cannot be written: {reason}", cure)]
    return [*findings, *disks(home, there)]


def disks(home: Path, there: Path) -> list[Finding]:
    """The disk of the home, and those of its servers that have another."""
    found = [disk(shutil.disk_usage(there).free, home)]
    seen = {there.stat().st_dev}
    for place in (home / name for name in PLACES):
        if place.exists() and place.stat().st_dev not in seen:
            seen.add(place.stat().st_dev)
            found.append(disk(shutil.disk_usage(place).free, place, f"disk of {place.name}"))
    return found


def disk(free: int, place: Path, part: str = "disk") -> Finding:
    """Bytes that are left for audio, models and the log."""
    detail = f"{free / 1e9:.1f} GB free"
    if free < FULL_BYTES:
        detail = f"it is full: {free / 1e6:.1f} MB free"
    if free < LEAST_BYTES:
        cure = f"make room: work stops when the disk of {place} is full, and goes on by itself"
        return fail(part, detail, cure)
    if free < SCARCE_BYTES:
        return warn(part, detail, "make room soon, or erase jobs that nobody needs")
    return ok(part, detail)


def processes(running: Running) -> list[Finding]:
    """Whether every child that stack.json names lives."""
    parts: dict[str, Process] = {
        "supervisor": running.supervisor,
        "valkey": running.valkey,
        "postgres": running.postgres,
        "s3": running.s3,
        "projector": running.projector,
        "web": running.web,
        **running.engines,
    }
    elsewhere = {"valkey", "postgres", "s3"}  # real servers have no process of ours
    dead = [
        name
        for name, part in parts.items()
        if not (part.pid and is_alive(part.pid)) and not (part.pid is None and name in elsewhere)
    ]
    if dead:
        cure = "it is being started again; logs/NAME.log in the home says why it ended"
        return [fail("processes", f"not alive: {', '.join(dead)}", cure)]
    return [ok("processes", f"all {sum(p.pid is not None for p in parts.values())} are alive")]
