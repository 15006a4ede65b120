"""stack.json: what runs and where, for other programs to find; secrets.json: how to get in."""

import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import msgspec

from infra.local.errors import NotRunning
from infra.local.home import Home
from streams.settings import PREFIX, Settings


class Process(msgspec.Struct, kw_only=True):
    """A child; pid is null between two lives, and for a real server elsewhere."""

    pid: int | None = None


class Server(Process):
    """Something with an address; a password in it is in secrets.json only."""

    url: str


class Database(Process):
    """Postgres."""

    dsn: str


class Program(Process):
    """One of our own processes; `health` is the address of its /healthz, /readyz and /metrics."""

    health: str


class Engine(Program):
    """A replica of an engine, and the program that serves it: its environment's interpreter."""

    python: str


class Running(msgspec.Struct, kw_only=True):
    """A stack that is up."""

    supervisor: Process
    web: Server
    valkey: Server
    postgres: Database
    s3: Server
    projector: Program
    engines: dict[str, Engine] = {}


def write(home: Home, running: Running) -> None:
    """Replace stack.json in one instant."""
    replace(home.record, msgspec.json.format(msgspec.json.encode(running), indent=2) + b"\n", 0o644)


def read(home: Home) -> Running:
    """The stack on this home; raise NotRunning."""
    if home.record.exists() and home.is_locked():
        return msgspec.json.decode(home.record.read_bytes(), type=Running)
    raise NotRunning(f"no stack runs on {home.path}: start one with `dalston up`")


def write_secrets(home: Home, variables: dict[str, str]) -> None:
    """Replace secrets.json, which only its owner can read: the DALSTON_ variables of the stack."""
    replace(home.secrets, msgspec.json.format(msgspec.json.encode(variables), indent=2), 0o600)


def read_secrets(home: Home) -> dict[str, str]:
    """The variables of the stack that runs or ran last; empty before the first."""
    if not home.secrets.exists():
        return {}
    return msgspec.json.decode(home.secrets.read_bytes(), type=dict[str, str])


def settings(home: Home) -> Settings:
    """What a client of the stack on this home needs; raise NotRunning."""
    read(home)
    return Settings.from_env(read_secrets(home))


def variables(settings: Settings) -> dict[str, str]:
    """The environment that `Settings.from_env` reads back as these settings."""
    return {PREFIX + n.upper(): str(v) for n, v in msgspec.structs.asdict(settings).items()}


def without_password(url: str) -> str:
    """An address that may be shown."""
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}"))


def replace(path: Path, data: bytes, mode: int) -> None:
    """Write a file that nobody ever sees half."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    fresh.replace(path)
