"""A virtual environment for each engine: its own pinned packages, and of ours only two folders."""

import asyncio
import fcntl
import hashlib
import os
import platform
import re
import shutil
import sys
import sysconfig
import tomllib
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from infra.local import once
from infra.local.errors import EnvironmentFailed
from infra.local.steps import Report, Step, ignore

ROOT = Path(__file__).parents[2]
SHARED = ("streams", "engines")  # what an engine may import of ours
UV = (sys.executable, "-m", "uv")
PACKAGE_LINES = ("Collecting ", "Processing ", " Downloaded ", " + ")  # pip's two, then uv's
NVIDIA = Path("/proc/driver/nvidia/version")
"""There where a card has its driver."""
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Recipe(msgspec.Struct, frozen=True):
    """What an engine's `engine.toml` says of its environment; the file may be missing.

    installer: uv is quick; pip finds wheels in the places that only its configuration names.
    """

    installer: Literal["uv", "pip"] = "uv"


@dataclass(frozen=True)
class Environment:
    """Where an engine's environment is, and what it is made from.

    folder: the engine's own, with `requirements.lock`.
    directory: the virtual environment.
    accelerated: for a machine with a card, if the engine can use one.
    """

    name: str
    folder: Path
    directory: Path
    accelerated: bool = False

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.directory / "bin" / "python"

    @property
    def lock(self) -> Path:
        """The pinned packages, with hashes."""
        own = self.folder / "requirements-gpu.lock"
        return own if self.accelerated and own.exists() else self.folder / "requirements.lock"


def has_card(environ: Mapping[str, str]) -> bool:
    """Whether engines are to compute on a card: DALSTON_DEVICE says so, or there is one."""
    device = environ.get("DALSTON_DEVICE") or "auto"
    return device == "cuda" or (device == "auto" and NVIDIA.exists())


def of_engine(
    name: str, environments: Path, root: Path = ROOT, *, accelerated: bool = False
) -> Environment:
    """The environment of an engine of this checkout, or of the installed package.

    Raises:
        EnvironmentFailed: there is no such engine, or it has no requirements.lock.
    """
    folder = root / "engines" / name
    if not NAME.fullmatch(name) or not (folder / "requirements.lock").exists():
        there = ", ".join(engines(root)) or "none"
        raise EnvironmentFailed(
            f"no engine {name!r} with a requirements.lock in {root / 'engines'}; there are: {there}"
        )
    return Environment(name, folder, environments.absolute() / name, accelerated)


def engines(root: Path = ROOT) -> list[str]:
    """The names of the engines that can have an environment."""
    return sorted(path.parent.name for path in root.glob("engines/*/requirements.lock"))


async def build(
    environment: Environment, environ: Mapping[str, str], report: Report = ignore
) -> Path:
    """Make the environment unless it is there already; return its interpreter.

    Whoever builds the same one at the same time waits for the first. A build that fails or is
    killed leaves no stamp, so the next one starts afresh.

    Raises:
        EnvironmentFailed: the installer failed; its last words are in the message.
    """
    stamp = environment.directory / "dalston.stamp"
    wanted = fingerprint(environment)
    if is_stamped(environment, stamp, wanted):
        return environment.python
    name = f"environment:{environment.name}"

    def tell(detail: str, fraction: float) -> None:
        report(Step(name, "building", detail, fraction))

    tell("", 0.0)
    async with locked(environment.directory.with_suffix(".lock")):
        if not is_stamped(environment, stamp, wanted):  # somebody may just have built it
            await create(environment, environ)
            await install(environment, environ, tell)
            share(environment)
            stamp.write_text(wanted)
    report(Step(name, "built"))
    return environment.python


async def create(environment: Environment, environ: Mapping[str, str]) -> None:
    """Make an empty environment; virtual environments cannot be moved, so in its final place."""
    if environment.directory.exists():
        await asyncio.to_thread(shutil.rmtree, environment.directory)
    command = [*UV, "venv", "--no-project", "--python", sys.executable]
    await once.run(
        [*command, str(environment.directory)], env=environ, failure=EnvironmentFailed, cwd=ROOT
    )


async def install(
    environment: Environment, environ: Mapping[str, str], tell: Callable[[str, float], None]
) -> None:
    """Install exactly what the lock names, each file checked against its hash.

    Where uv fails pip tries: mirrors and certificates may be named in its configuration only.
    """
    packages = len(re.findall(r"^[A-Za-z0-9]", environment.lock.read_text(), re.MULTILINE))
    quick = environment.accelerated or recipe(environment.folder).installer == "uv"
    installers = ["uv", "pip"] if quick else ["pip"]
    failed = []
    for installer in installers:
        seen = 0

        def heard(line: str) -> None:
            nonlocal seen
            if line.startswith(PACKAGE_LINES):
                seen += 1
                tell(line.strip(), min(seen / max(packages, 1), 1.0))

        try:
            command = command_of(installer, environment)
            await once.run(command, env=environ, failure=EnvironmentFailed, heard=heard)
        except EnvironmentFailed as error:
            failed.append(f"{installer}: {error}")
            tell(f"{installer} failed", 0.0)
        else:
            return
    raise EnvironmentFailed(
        f"the environment of engine {environment.name} could not be built from "
        f"{environment.lock}:\n" + "\n".join(failed)
    )


def command_of(installer: str, environment: Environment) -> list[str]:
    """How an installer is told to install the lock, and nothing else."""
    python, lock = str(environment.python), str(environment.lock)
    if installer == "uv":
        own = ["pip", "sync", "--system-certs"]
        return [*UV, *own, "--require-hashes", "--python", python, lock]
    own = ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-deps"]
    pip = [sys.executable, "-m", "pip", "--python", python, "install"]
    return [*pip, *own, "--require-hashes", "-r", lock]


def share(environment: Environment) -> None:
    """Let the environment see our two folders, and not what else lies beside them."""
    scheme = {"base": str(environment.directory), "platbase": str(environment.directory)}
    packages = Path(sysconfig.get_path("purelib", "venv", scheme))
    root = environment.folder.parents[1]
    for folder in SHARED:
        (packages / folder).symlink_to(root / folder)


def fingerprint(environment: Environment) -> str:
    """What an environment must have been made from to be good: packages, Python, and places."""
    parts = [
        environment.lock.read_text(),
        recipe(environment.folder).installer,
        platform.python_version(),
        sys.base_prefix,
        str(environment.directory),
        str(environment.folder),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def is_stamped(environment: Environment, stamp: Path, wanted: str) -> bool:
    """Whether the environment was finished from just these parts."""
    return environment.python.exists() and stamp.exists() and stamp.read_text() == wanted


def recipe(folder: Path) -> Recipe:
    """What the engine's engine.toml says; raise EnvironmentFailed naming what does not fit."""
    path = folder / "engine.toml"
    if not path.exists():
        return Recipe()
    try:
        return msgspec.convert(tomllib.loads(path.read_text()), Recipe)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise EnvironmentFailed(f"{path}: {error}") from None


@asynccontextmanager
async def locked(path: Path) -> AsyncIterator[None]:
    """Hold a lock file; wait while another process, or another task of this one, has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.1)
        yield
    finally:
        os.close(descriptor)
