"""Servers that go back in time: an old copy of Redis or of Postgres is put in place of the new."""

import asyncio
import random
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.local import once, postgres
from infra.local.errors import ChildFailed
from tests.faults.run import Absent, Run

BACK_S = (0.5, 4.0)
"""How far they go back."""


@dataclass(frozen=True)
class OldRedis:
    """Redis is what it was some seconds ago; what it acknowledged since is gone from it."""

    name: str = "old redis"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """Once."""
        back = chance.uniform(*BACK_S)
        async with run.alone("valkey"):
            try:
                copy = copied_redis(run)
            except OSError as error:  # it is just being replaced
                raise Absent(f"valkey's files cannot be copied now: {error}") from None
            await asyncio.sleep(back)
            run.note(f"{self.name}: valkey goes back by {back:.1f} s", "valkey")
            async with replaced(run, "valkey"):
                put_redis(run, copy)


@dataclass(frozen=True)
class OldPostgres:
    """Postgres is restored from a base backup that is some seconds old."""

    name: str = "old postgres"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """Once."""
        back = chance.uniform(*BACK_S)
        async with run.alone("postgres"):
            try:
                backup = await backed_up(run)
            except ChildFailed as error:
                raise Absent(f"postgres cannot be backed up now: {error}") from None
            await asyncio.sleep(back)
            run.note(f"{self.name}: postgres goes back by {back:.1f} s", "postgres")
            async with replaced(run, "postgres"):
                put_postgres(run, backup)


@asynccontextmanager
async def replaced(run: Run, server: str) -> AsyncIterator[None]:
    """Kill a server; start it again when its files have been changed. Hold `Run.alone`."""
    run.send(signal.SIGKILL, run.family(server))
    await run.child(server).stop()
    yield
    await run.child(server).start()


def copied_redis(run: Run) -> Path:
    """A copy of the append-only file as it is, while the server writes: as after a crash."""
    copy = fresh(run, "redis")
    shutil.copytree(run.servers_home / "valkey" / "appendonlydir", copy)
    return copy


def put_redis(run: Run, copy: Path) -> None:
    """Give it to the server, which does not run."""
    shutil.rmtree(run.servers_home / "valkey" / "appendonlydir")
    copy.rename(run.servers_home / "valkey" / "appendonlydir")


async def backed_up(run: Run) -> Path:
    """A base backup with the log that it needs."""
    backup = fresh(run, "postgres")
    program = postgres.binary("pg_basebackup", {})
    command = [str(program), "-d", run.settings.postgres_dsn, "-D", str(backup), "-c", "fast"]
    await once.run(command, env=postgres.PLAIN, failure=ChildFailed)
    return backup


def put_postgres(run: Run, backup: Path) -> None:
    """Give it to the server, which does not run."""
    shutil.rmtree(run.servers_home / "postgres")
    backup.rename(run.servers_home / "postgres")


def fresh(run: Run, name: str) -> Path:
    """A path for one more copy."""
    folder = run.home / "copies"
    folder.mkdir(exist_ok=True)
    return folder / f"{name}-{len(list(folder.iterdir()))}-{id(folder):x}"
