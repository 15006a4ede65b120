"""A home made from a backup; or real servers that are empty, filled from one.

The new home grows beside its place and is moved there at the end, so a restore that was cut off
leaves no home that looks whole.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
from msgspec.structs import replace

from infra.backup import dump, verify
from infra.backup.errors import BackupError, NotEmpty
from infra.backup.folder import Entry, Folder, Manifest
from infra.local.home import Home
from infra.local.options import Options
from infra.local.record import variables, write_secrets
from infra.local.servers import Servers
from infra.local.steps import ignore
from streams.artifacts import Artifacts
from streams.settings import Settings

Progress = Callable[[str, int, int], None]
AT_ONCE = 8
KEPT = ("envs", "logs", "lock", "models")
"""What a home may hold beforehand."""
DATA = ("s3", "valkey", "secrets.json", "postgres")
"""What is moved into place; Postgres last, for nothing is known without it."""
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"


def silent(what: str, done: int, of: int) -> None:
    """The progress that nobody watches."""


async def restore(path: Path, options: Options, *, progress: Progress = silent) -> Manifest:
    """Make the home of the options from a backup; see that nothing differs; give its manifest.

    Servers that the options name get their part instead: the database and the bucket must be
    empty. Redis gets nothing: the projector makes it anew when the stack starts.

    Raises:
        Unfinished, BackupError: the backup is not whole; nothing was made.
        NotEmpty: there is something on the home, in the database or in the bucket.
    """
    folder = Folder(path)
    manifest = folder.read()
    home = Home(options.home)
    check_empty(home)
    if wrong := list(verify.files(folder, manifest, progress)):
        raise BackupError("; ".join(wrong))
    beside = Home(home.path.with_name(home.path.name + ".restoring"))
    async with _servers(beside, replace(options, home=beside.path)) as settings:
        await _objects(folder, manifest, settings, progress)
        await _tables(folder, manifest, settings, options, progress)
        write_secrets(beside, variables(settings))
    _move(beside, home)
    return manifest


def check_empty(home: Home) -> None:
    """Refuse a home that holds anything of a stack."""
    if home.is_locked():
        raise NotEmpty(f"a stack runs on {home.path}: restore into another --home")
    there = [name for name in DATA if (home.path / name).exists()]
    if there:
        raise NotEmpty(
            f"{home.path} holds {', '.join(there)} of another stack: restore into another --home, "
            "or move that one away"
        )


@asynccontextmanager
async def _servers(home: Home, options: Options) -> AsyncIterator[Settings]:
    """The servers alone, without any process of ours; what a cut off restore left goes first."""
    if home.path.exists() and not home.is_locked():
        shutil.rmtree(home.path)
    await home.acquire()
    servers = Servers(home, options, ignore)
    try:
        await servers.start()
        yield servers.settings
    finally:
        await servers.stop()
        home.release()


async def _objects(
    folder: Folder, manifest: Manifest, settings: Settings, progress: Progress
) -> None:
    entries = iter(list(folder.entries()))
    done = 0

    async def some(artifacts: Artifacts) -> None:
        nonlocal done
        for entry in entries:
            await _put(artifacts, folder, entry)
            done += 1
            progress("putting back objects", done, manifest.object_count)

    async with Artifacts(settings) as artifacts:
        async for key in artifacts.keys("jobs/"):
            raise NotEmpty(f"the bucket {artifacts.bucket} holds {key}: name an empty one")
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(some(artifacts))


async def _put(artifacts: Artifacts, folder: Folder, entry: Entry) -> None:
    made = await artifacts.put_file(entry.key, folder.place(entry.key), entry.media_type)
    if (made.sha256, made.bytes) != (entry.sha256, entry.bytes):
        raise BackupError(f"{folder.place(entry.key)} changed while it was read")


async def _tables(
    folder: Folder, manifest: Manifest, settings: Settings, options: Options, progress: Progress
) -> None:
    driver = await asyncpg.connect(settings.postgres_dsn)
    try:
        if await driver.fetchval(TABLES):
            raise NotEmpty("the database holds tables already: name an empty one")
        progress("restoring Postgres", 0, 1)
        await dump.load(settings.postgres_dsn, folder.dump, options.environ)
        async with driver.transaction(isolation="repeatable_read", readonly=True):
            if wrong := await verify.content(driver, manifest):
                raise BackupError("; ".join(wrong))
        progress("restoring Postgres", 1, 1)
    finally:
        await driver.close()


def _move(beside: Home, home: Home) -> None:
    home.path.mkdir(parents=True, exist_ok=True)
    for name in DATA:
        if (beside.path / name).exists():
            (beside.path / name).rename(home.path / name)
    shutil.rmtree(beside.path)
