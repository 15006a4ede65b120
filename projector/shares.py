"""Links to jobs: which of them were taken back, by the one clock that dates them."""

from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

VOID = text("""
    INSERT INTO shares (job, void_at) VALUES (:job, clock_timestamp())
    ON CONFLICT (job) DO UPDATE SET void_at = excluded.void_at
""")
NOW = text("SELECT clock_timestamp()")
STANDING = text("""
    SELECT jobs.erased, shares.void_at, clock_timestamp() AS now
    FROM jobs LEFT JOIN shares ON shares.job = jobs.id
    WHERE jobs.id = :job AND jobs.tenant = :tenant
""")


class Standing(msgspec.Struct, frozen=True):
    """What counts for the links to a job: those made up to ``void_at`` are void."""

    erased: bool
    void_at: datetime | None
    now: datetime


async def now(connection: AsyncConnection) -> datetime:
    """The time by which links are made, end and are taken back."""
    found = await connection.scalar(NOW)
    assert isinstance(found, datetime)
    return found


async def void(connection: AsyncConnection, job_id: str) -> None:
    """Take back every link to the job that was made until now."""
    await connection.execute(VOID, {"job": job_id})


async def standing(connection: AsyncConnection, job_id: str, tenant: str) -> Standing | None:
    """What counts for the links to a job; None when that tenant has no such job."""
    row = (await connection.execute(STANDING, {"job": job_id, "tenant": tenant})).first()
    return Standing(row.erased, row.void_at, row.now) if row is not None else None
