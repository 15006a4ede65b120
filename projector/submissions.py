"""What was accepted: one row in Postgres before the job's first event, found again by its key."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.errors import IdempotencyMismatch
from projector.which import ALL, Which
from streams import decide
from streams.commit import FRESH_S, Committed, Ledger
from streams.errors import LogMissing, SchemaTooNew, Stale
from streams.events import Artifact, JobRequest
from streams.job import Job, floor_of
from streams.log import Log
from streams.offers import Offer
from streams.pipeline import plan


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """A request whose audio is stored; ``id`` is the job's, ``fingerprint`` a sha256 of both.

    ``landed`` means that its job is in the projection: it is never submitted again. ``later`` are
    options that a newer version took and this one does not know.
    """

    id: str
    tenant: str
    fingerprint: str
    filename: str
    source: Artifact
    request: JobRequest
    accepted_at: datetime
    idempotency_key: str | None = None
    again_from: str | None = None
    landed: bool = False
    later: tuple[str, ...] = ()


INSERT = text("""
    INSERT INTO submissions (id, tenant, idempotency_key, fingerprint, filename, source, request,
                             again_from, accepted_at)
    VALUES (:id, :tenant, :idempotency_key, :fingerprint, :filename, :source, :request,
            :again_from, :accepted_at)
    ON CONFLICT DO NOTHING RETURNING id
""")
BY_KEY = text("SELECT * FROM submissions WHERE tenant = :tenant AND idempotency_key = :key")
BY_ID = text("SELECT * FROM submissions WHERE tenant = :tenant AND id = :id")
MISSING = text("""
    SELECT * FROM submissions
    WHERE NOT landed AND accepted_at NOT BETWEEN :before AND :soon ORDER BY accepted_at LIMIT :limit
""")
UNBEGUN = """
    SELECT * FROM submissions WHERE tenant = :tenant AND NOT landed {where}
    AND NOT EXISTS (SELECT FROM jobs WHERE jobs.id = submissions.id) ORDER BY id DESC LIMIT :limit
"""
LAND = text("""
    UPDATE submissions SET landed = true FROM jobs WHERE NOT landed AND jobs.id = submissions.id
""")


async def accept(connection: AsyncConnection, submission: Submission) -> tuple[Submission, bool]:
    """Keep a submission; (the row of before, False) when its key or id was used already.

    Raises:
        IdempotencyMismatch: its key was used with another fingerprint.
    """
    row = {
        **msgspec.structs.asdict(submission),
        "filename": submission.filename.replace("\x00", ""),
        "source": msgspec.json.encode(submission.source).decode(),
        "request": msgspec.json.encode(submission.request).decode(),
    }
    if await connection.scalar(INSERT, row) is not None:
        return submission, True
    before = await by_key(connection, submission.tenant, submission.idempotency_key)
    if before is None:
        before = await find(connection, submission.id, submission.tenant)
    if before is None or before.fingerprint != submission.fingerprint:
        raise IdempotencyMismatch(
            f"the idempotency key {submission.idempotency_key!r} belongs to another upload: "
            "send a fresh key, or exactly the same request"
        )
    return before, False


async def submit(
    ledger: Ledger, submission: Submission, offers: Sequence[Offer], *, asked: float
) -> Committed:
    """Plan the job and commit its first events; again and again without harm.

    Args:
        asked: when the projection was asked for the job and did not have it, by `time.monotonic`.

    Raises:
        Stale: that is over FRESH_S ago, so the job may have come, ended and left Redis since.
        SchemaTooNew: this version would forget some of it; a newer one is to begin the job.
        LogMissing: Redis holds no log now.
    """
    if submission.landed:
        return Committed(await ledger.load(submission.id))
    if submission.later:
        raise SchemaTooNew(
            f"job {submission.id} asks for {', '.join(submission.later)}, which this version does "
            "not know: a newer one begins it"
        )
    stages = plan(submission.request, offers, accepted=True)
    head = await Log(ledger.redis, ledger.keys).head()
    if head is None:
        raise LogMissing("there is no log here")

    def begin(job: Job | None, now: datetime) -> decide.Facts:
        if job is None and time.monotonic() - asked > FRESH_S:
            raise Stale(f"whether job {submission.id} has begun was asked too long ago: ask again")
        return decide.submit(
            job,
            job_id=submission.id,
            tenant=submission.tenant,
            request=submission.request,
            source=submission.source,
            filename=submission.filename,
            plan=stages,
            now=now,
            again_from=submission.again_from,
            floor=floor_of(head.epoch),
        )

    return await ledger.transition(submission.id, begin, tenant=submission.tenant)


async def find(connection: AsyncConnection, job_id: str, tenant: str) -> Submission | None:
    """The submission of a job, None when this tenant made none of that id."""
    row = (await connection.execute(BY_ID, {"tenant": tenant, "id": job_id})).mappings().first()
    return _submission(row) if row else None


async def by_key(connection: AsyncConnection, tenant: str, key: str | None) -> Submission | None:
    """The submission that used an idempotency key."""
    if key is None:
        return None
    row = (await connection.execute(BY_KEY, {"tenant": tenant, "key": key})).mappings().first()
    return _submission(row) if row else None


async def unbegun(
    connection: AsyncConnection,
    *,
    tenant: str,
    which: Which = ALL,
    limit: int,
    before: str | None = None,
) -> list[Submission]:
    """Submissions whose job is not in the projection yet, the newest first; as `queries.jobs`."""
    if which.by_stage or which.status not in {None, "accepted"}:
        return []
    where, values = which.of_submissions(before)
    values |= {"tenant": tenant, "limit": limit}
    statement = text(UNBEGUN.format(where=where))
    return [_submission(row) for row in (await connection.execute(statement, values)).mappings()]


async def land(connection: AsyncConnection) -> None:
    """Mark the submissions whose job is in the projection."""
    await connection.execute(LAND)


async def missing(
    connection: AsyncConnection, *, before: datetime, soon: datetime, limit: int = 100
) -> list[Submission]:
    """Submissions from before that time whose job is not in the projection; marks the others.

    Those from after ``soon`` count as well: the clock that dated them runs ahead of Redis's.
    """
    await land(connection)
    rows = await connection.execute(MISSING, {"before": before, "soon": soon, "limit": limit})
    return [_submission(row) for row in rows.mappings()]


def _submission(row: RowMapping) -> Submission:
    asked = msgspec.json.decode(row["request"], type=dict[str, msgspec.Raw])
    return Submission(
        id=row["id"],
        tenant=row["tenant"],
        idempotency_key=row["idempotency_key"],
        fingerprint=row["fingerprint"],
        filename=row["filename"],
        source=msgspec.json.decode(row["source"], type=Artifact),
        request=msgspec.json.decode(row["request"], type=JobRequest),
        again_from=row["again_from"],
        accepted_at=row["accepted_at"].astimezone(UTC),
        landed=row["landed"],
        later=tuple(sorted(asked.keys() - JobRequest.__struct_fields__)),
    )
