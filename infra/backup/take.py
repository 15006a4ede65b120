"""Take a backup while everything runs: one snapshot of Postgres first, then the objects.

An object is real once an event points at it, and never changes. So all that the snapshot names was
in the store before the snapshot was made, and still is, unless its job was erased meanwhile.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec

from infra.backup import dump, tables
from infra.backup.errors import BackupError
from infra.backup.folder import FORMAT, Entry, Folder, Manifest, Table, sha256
from projector import database, queries, store
from streams import __version__
from streams.artifacts import Artifacts, key_in
from streams.errors import ArtifactMissing
from streams.events import Artifact
from streams.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and how much there is."""

AT_ONCE = 8
"""Objects that are copied at the same time."""
KNOWN = """
    SELECT id FROM jobs WHERE NOT erased UNION SELECT id FROM submissions WHERE NOT landed
"""
ACCEPTED = """
    SELECT count(*) FROM (SELECT id FROM jobs UNION SELECT id FROM submissions) AS accepted
"""
WAITING = "SELECT id, source FROM submissions WHERE NOT landed"
LIVE = "SELECT count(*) FROM jobs WHERE ended_at IS NULL"
ERASED = "SELECT id FROM jobs WHERE erased AND id = ANY($1::text[])"
ERASED_SINCE = "SELECT DISTINCT job FROM events WHERE type = 'job.erased' AND seq > $1"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What one moment of Postgres says.

    known: jobs whose objects belong to it. waiting: accepted, but without a first event yet.
    """

    at: queries.Checkpoint
    tables: dict[str, Table]
    known: frozenset[str]
    waiting: tuple[tuple[str, Artifact], ...]
    jobs: int
    live: int


def silent(what: str, done: int, of: int) -> None:
    """The progress that nobody watches."""


async def take(
    settings: Settings,
    path: Path,
    environ: Mapping[str, str],
    *,
    earlier: Path | None = None,
    progress: Progress = silent,
) -> Manifest:
    """Write a backup of a stack's Postgres and S3 into an empty folder.

    Args:
        earlier: a backup whose objects need not be copied again; they are linked.

    Raises:
        Unfinished, NotEmpty: there is something in the folder.
        BackupError: the stack has a fault of its own: an object that an event names is missing.
    """
    began, clock = datetime.now(UTC), time.monotonic()
    folder = Folder(path)
    have = {entry.key: entry for entry in Folder(earlier).entries()} if earlier else {}
    folder.create()
    progress("dumping Postgres", 0, 1)
    found = await _postgres(settings, folder, environ)
    progress("dumping Postgres", 1, 1)
    async with Artifacts(settings) as artifacts:
        copy = Copy(artifacts, folder, have, Folder(earlier) if earlier else None, progress)
        entries = await copy.all(found.known)
    gone = await _missing(settings, found, {entry.key: entry for entry in entries})
    manifest = Manifest(
        format=FORMAT, dalston=__version__, began_at=began.isoformat(timespec="seconds"),
        took_s=round(time.monotonic() - clock, 3), schema=database.HEAD, seq=found.at.seq,
        id=found.at.id, epoch=found.at.epoch, jobs=found.jobs, live=found.live,
        tables=found.tables, dump=sha256(folder.dump)[0], objects=sha256(folder.list)[0],
        object_count=len(entries), object_bytes=sum(entry.bytes for entry in entries), gone=gone,
    )  # fmt: skip
    await asyncio.to_thread(folder.finish, manifest)
    return manifest


async def _postgres(settings: Settings, folder: Folder, environ: Mapping[str, str]) -> Snapshot:
    """Dump and count in one and the same snapshot."""
    async with _connected(settings) as driver:
        if await driver.fetchval("SELECT to_regclass('alembic_version')") is None:
            raise BackupError("this Postgres holds no Dalston: is DALSTON_POSTGRES_DSN right?")
        async with driver.transaction(isolation="repeatable_read", readonly=True):
            name = await driver.fetchval("SELECT pg_export_snapshot()")
            dumping = asyncio.create_task(
                dump.dump(settings.postgres_dsn, name, folder.dump, environ)
            )
            try:
                found = await _look(driver)
            finally:
                await asyncio.wait({dumping})
            await dumping
    return found


async def _look(driver: store.Connection) -> Snapshot:
    row = await driver.fetchrow("SELECT seq, id, epoch FROM checkpoints WHERE name = 'fold'")
    if (broken := await tables.break_in(driver)) is not None:
        raise BackupError(f"the archive is broken at event {broken}: run `dalston doctor`")
    waiting = [
        (job, msgspec.json.decode(source, type=Artifact))
        for job, source in await driver.fetch(WAITING)
    ]
    return Snapshot(
        at=queries.Checkpoint(*row) if row else queries.Checkpoint(),
        tables=await tables.digests(driver),
        known=frozenset([row[0] for row in await driver.fetch(KNOWN)]),
        waiting=tuple(waiting),
        jobs=await driver.fetchval(ACCEPTED),
        live=await driver.fetchval(LIVE),
    )


class Copy:
    """The objects of known jobs, from the bucket into the folder, a few at once."""

    def __init__(
        self,
        artifacts: Artifacts,
        folder: Folder,
        have: Mapping[str, Entry],
        earlier: Folder | None,
        progress: Progress,
    ) -> None:
        self._artifacts, self._folder, self._progress = artifacts, folder, progress
        self._have, self._earlier = have, earlier
        self._entries: list[Entry] = []
        self._seen = 0
        self._turn = asyncio.Lock()

    async def all(self, known: frozenset[str]) -> list[Entry]:
        """Copy, and write the list; what nobody in the dump points at is left out."""
        keys = self._keys(known)
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._some(keys))
        self._entries.sort(key=lambda entry: entry.key)
        with self._folder.list.open("wb") as file:
            file.writelines(msgspec.json.encode(entry) + b"\n" for entry in self._entries)
        return self._entries

    async def _keys(self, known: frozenset[str]) -> AsyncIterator[str]:
        async for key in self._artifacts.keys("jobs/"):
            if key.split("/")[1] in known:
                self._seen += 1
                yield key

    async def _some(self, keys: AsyncIterator[str]) -> None:
        while True:
            async with self._turn:  # a generator serves one at a time
                key = await anext(keys, None)
            if key is None:
                return
            if entry := await self._one(key):
                self._entries.append(entry)
            self._progress("copying objects", len(self._entries), self._seen)

    async def _one(self, key: str) -> Entry | None:
        path = self._folder.place(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        if self._earlier and (known := self._have.get(key)):
            os.link(self._earlier.place(key), path)
            return known
        try:
            made = await self._artifacts.copy_to(key, path)
        except ArtifactMissing:  # erased since it was listed
            return None
        return Entry(key, made.sha256, made.bytes, made.media_type)


async def _missing(
    settings: Settings, found: Snapshot, there: Mapping[str, Entry]
) -> tuple[str, ...]:
    """The jobs that were erased meanwhile.

    Raises:
        BackupError: an object is not there, or not what its event says, and nobody erased it.
    """
    wrong: dict[str, str] = {}

    def compare(job: str, artifact: Artifact) -> None:
        entry = there.get(key_in(artifact.uri))
        if entry is None:
            wrong[job] = f"{artifact.uri} is not in the store"
        elif (entry.sha256, entry.bytes) != (artifact.sha256, artifact.bytes):
            wrong[job] = f"{artifact.uri} is not the object that its event names"

    for job, artifact in found.waiting:
        compare(job, artifact)
    async with _connected(settings) as driver, driver.transaction(readonly=True):
        async for job, artifact in tables.named(driver, found.at.seq):
            compare(job, artifact)
        erased = {row[0] for row in await driver.fetch(ERASED, list(wrong))}
        since = {row[0] for row in await driver.fetch(ERASED_SINCE, found.at.seq)}
    faults = [text for job, text in wrong.items() if job not in erased]
    if faults:
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        raise BackupError(f"{faults[0]}{more}: what was backed up is incomplete")
    return tuple(sorted(since & found.known))


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[store.Connection]:
    driver = await asyncpg.connect(
        settings.postgres_dsn, timeout=database.CONNECT_S, server_settings={"jit": "off"}
    )
    try:
        yield driver
    finally:
        await driver.close()
