"""Is a backup whole? Each byte against its digest, and the dump restored on a server of ours."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec

from infra.backup import dump, tables
from infra.backup.folder import Entry, Folder, Manifest, sha256
from infra.local import postgres
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from projector.rebuild import rebuild
from streams.artifacts import key_in
from streams.events import Artifact
from streams.settings import Settings

Progress = Callable[[str, int, int], None]
ERASED = "SELECT id FROM jobs WHERE erased"


def silent(what: str, done: int, of: int) -> None:
    """The progress that nobody watches."""


async def verify(
    path: Path, environ: Mapping[str, str], *, quick: bool = False, progress: Progress = silent
) -> tuple[Manifest, list[str]]:
    """The manifest, and all that is wrong with the backup: a sentence for each thing.

    Args:
        quick: only see that each file is what the manifest says; do not restore the dump.

    Raises:
        Unfinished: the backup was cut off.
        BackupError: there is none.
    """
    folder = Folder(path)
    manifest = folder.read()
    wrong = await asyncio.to_thread(lambda: list(files(folder, manifest, progress)))
    if not quick and not wrong:
        wrong = await restored(folder, manifest, environ, progress)
    return manifest, wrong


def files(folder: Folder, manifest: Manifest, progress: Progress = silent) -> Iterator[str]:
    """What is wrong with the files, each named."""
    if damage := altered(folder.dump, manifest.dump):
        yield damage
    if damage := altered(folder.list, manifest.objects):
        yield damage
        return  # what it says of the objects is worth nothing
    known = set()
    for number, entry in enumerate(folder.entries(), start=1):
        path = folder.place(entry.key)
        known.add(path)
        if damage := altered(path, entry.sha256):
            yield damage
        progress("reading objects", number, manifest.object_count)
    for path in folder.objects.rglob("*"):
        if path.is_file() and path not in known:
            yield f"{path} belongs to no backup"


def altered(path: Path, expected: str) -> str | None:
    """What is wrong with a file, in words."""
    try:
        digest, size = sha256(path)
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}"
    if digest != expected:
        return f"{path} was altered: its {size} bytes have sha256 {digest}, not {expected}"
    return None


async def restored(
    folder: Folder, manifest: Manifest, environ: Mapping[str, str], progress: Progress
) -> list[str]:
    """What is wrong with the dump once it is a database again."""
    progress("restoring the dump on the side", 0, 1)
    async with scratch(environ) as dsn:
        await dump.load(dsn, folder.dump, environ)
        progress("restoring the dump on the side", 1, 1)
        driver = await asyncpg.connect(dsn)
        try:
            async with driver.transaction(isolation="repeatable_read", readonly=True):
                wrong = await content(driver, manifest)
                entries = {entry.key: entry for entry in folder.entries()}
                wrong += await pointers(driver, manifest, entries)
        finally:
            await driver.close()
        wrong += documents(folder, entries)
        wrong += await folded(dsn, progress)
    return wrong


async def content(driver: "asyncpg.Connection[asyncpg.Record]", manifest: Manifest) -> list[str]:
    """Whether the tables are, row for row, those that were dumped."""
    wrong = [
        f"table {name} has {found.rows} rows with sha256 {found.sha256}, not "
        f"{manifest.tables[name].rows} with {manifest.tables[name].sha256}"
        for name, found in (await tables.digests(driver)).items()
        if name in manifest.tables and found != manifest.tables[name]
    ]
    if (seq := await tables.break_in(driver)) is not None:
        wrong.append(f"event {seq} does not follow the one before it")
    return wrong


async def pointers(
    driver: "asyncpg.Connection[asyncpg.Record]", manifest: Manifest, there: Mapping[str, Entry]
) -> list[str]:
    """Whether all objects are there that the archive names, but those of erased jobs."""
    erased = {row[0] for row in await driver.fetch(ERASED)} | set(manifest.gone)
    return [
        fault
        async for job, artifact in tables.named(driver, manifest.seq)
        if job not in erased and (fault := amiss(artifact, there))
    ]


def documents(folder: Folder, there: Mapping[str, Entry]) -> list[str]:
    """Whether all objects are there that other objects name: tracks, by what prepared them."""
    wrong = []
    for entry in there.values():
        if entry.media_type != "application/json" or not entry.key.endswith("/output.json"):
            continue
        document = msgspec.json.decode(folder.place(entry.key).read_bytes())
        faults = (amiss(artifact, there) for artifact in tables.artifacts(document))
        wrong += [f"{fault}; {entry.key} names it" for fault in faults if fault]
    return wrong


def amiss(artifact: Artifact, there: Mapping[str, Entry]) -> str | None:
    """What is wrong with the copy of an artifact."""
    entry = there.get(key_in(artifact.uri))
    if entry is None:
        return f"{artifact.uri} is not in the backup"
    if (entry.sha256, entry.bytes) != (artifact.sha256, artifact.bytes):
        return f"{artifact.uri} is not what its event says"
    return None


async def folded(dsn: str, progress: Progress) -> list[str]:
    """Whether jobs and stages are what their events say, by folding the whole archive."""
    report = await rebuild(Settings(postgres_dsn=dsn), progress)
    return [
        f"table {table.name} is not the fold of its events" for table in report.tables
        if not table.same
    ]  # fmt: skip


@asynccontextmanager
async def scratch(environ: Mapping[str, str]) -> AsyncIterator[str]:
    """The DSN of an empty database of a server that runs until the block ends."""
    run = socket_directory()
    try:
        with tempfile.TemporaryDirectory(prefix="dalston-verify-") as place:
            data = Path(place) / "postgres"
            await postgres.prepare(data, environ, sync=False)
            program = postgres.program(
                data=data, run=run, log=Path(place) / "postgres.log", environ=environ
            )
            child = Child(program)
            await child.start()
            try:
                await postgres.create_database(run, "dalston", environ)
                yield postgres.dsn(run)
            finally:
                await child.stop()
    finally:
        discard(run)
