"""The proof after a restore: a running stack against the backup that it was made from."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import msgspec

from infra.backup.errors import BackupError
from infra.backup.folder import Entry, Folder, Table
from projector import database
from projector.digest import digest
from streams.artifacts import Artifacts
from streams.errors import ArtifactCorrupt, ArtifactMissing
from streams.events import Artifact
from streams.settings import Settings

Progress = Callable[[str, int, int], None]
ARCHIVED = "(SELECT * FROM events WHERE seq <= {seq})"
ERASED = "SELECT DISTINCT job FROM events WHERE type = 'job.erased' AND seq > $1"
JOBS = """
    SELECT count(*), count(*) FILTER (WHERE ended_at IS NOT NULL),
           count(*) FILTER (WHERE status = 'blocked')
    FROM jobs WHERE id IN (SELECT job FROM events WHERE seq <= $1 AND type = 'job.submitted')
"""
UNKNOWN = """
    SELECT count(*) FROM submissions
    WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = submissions.id)
"""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What of the backup a stack has: counts, and a sentence for each thing that differs.

    under_way: jobs of the backup that have not ended (yet). waiting: accepted, not begun.
    """

    events: int
    jobs: int
    ended: int
    under_way: int
    parked: int
    waiting: int
    objects: int
    wrong: tuple[str, ...]


def silent(what: str, done: int, of: int) -> None:
    """The progress that nobody watches."""


async def compare(settings: Settings, path: Path, progress: Progress = silent) -> Comparison:
    """Look at each event and each object of a backup in a stack; it may go on working.

    Raises:
        BackupError: the stack's archive is shorter: it is of another history.
    """
    folder = Folder(path)
    manifest = folder.read()
    driver = await asyncpg.connect(settings.postgres_dsn, timeout=database.CONNECT_S)
    try:
        async with driver.transaction(isolation="repeatable_read", readonly=True):
            at = await driver.fetchval("SELECT max(seq) FROM events") or 0
            if at < manifest.seq:
                raise BackupError(
                    f"the stack's archive ends at event {at}, the backup at {manifest.seq}"
                )
            erased = {row[0] for row in await driver.fetch(ERASED, manifest.seq)}
            archive = Table(*await digest(driver, ARCHIVED.format(seq=manifest.seq), "events"))
            [(jobs, ended, parked)] = await driver.fetch(JOBS, manifest.seq)
            waiting = await driver.fetchval(UNKNOWN)
    finally:
        await driver.close()
    wrong = []
    if archive != manifest.tables["events"]:
        why = f"; {len(erased)} jobs were erased since" if erased else ""
        wrong.append(f"events 1 to {manifest.seq} are not those of the backup{why}")
    if jobs + waiting < manifest.jobs:
        wrong.append(f"{manifest.jobs - jobs - waiting} accepted jobs are missing")
    count, differing = await _objects(settings, folder, erased, progress, manifest.object_count)
    return Comparison(
        events=archive.rows, jobs=jobs, ended=ended, under_way=jobs - ended, parked=parked,
        waiting=waiting, objects=count, wrong=(*wrong, *differing),
    )  # fmt: skip


async def _objects(
    settings: Settings, folder: Folder, erased: set[str], progress: Progress, of: int
) -> tuple[int, list[str]]:
    same, wrong = 0, []
    async with Artifacts(settings) as artifacts:
        for entry in folder.entries():
            if entry.key.split("/")[1] in erased:
                continue
            if fault := await _fault(artifacts, entry):
                wrong.append(fault)
            else:
                same += 1
            progress("comparing objects", same, of)
    return same, wrong


async def _fault(artifacts: Artifacts, entry: Entry) -> str | None:
    uri = f"s3://{artifacts.bucket}/{entry.key}"
    try:
        async for _ in artifacts.stream(Artifact(uri, entry.sha256, entry.bytes)):
            pass
    except (ArtifactMissing, ArtifactCorrupt) as error:
        return str(error)
    return None
