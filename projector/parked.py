"""What waits: parked stages that want a person, and ready ones in the queues of the engines."""

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from streams import job as jobs
from streams.job import Job

PARKED = """
    SELECT jobs.state, stages.stage FROM stages JOIN jobs ON jobs.id = stages.job
    WHERE stages.status = 'parked' AND stages.tenant = :tenant {where}
    ORDER BY stages.job DESC, stages.stage DESC LIMIT :limit
"""
WAITING = text("""
    SELECT engine, tenant, count(*) AS waiting, min(ready_at) AS since FROM stages
    WHERE status = 'ready' GROUP BY engine, tenant ORDER BY engine, tenant
""")
OWN = text("SELECT id FROM jobs WHERE id = ANY(:ids) AND tenant = :tenant")


class Parked(msgspec.Struct, frozen=True):
    """A parked stage, and its job as folded so far."""

    job: Job
    stage: str


class Line(msgspec.Struct, frozen=True):
    """How much of a tenant's waits for an engine, the longest ``since`` then."""

    engine: str
    tenant: str
    waiting: int
    since: datetime | None


async def parked(
    connection: AsyncConnection,
    *,
    tenant: str,
    limit: int,
    before: tuple[str, str] | None = None,
    engine: str | None = None,
    stage: str | None = None,
) -> list[Parked]:
    """Parked stages, of the newest jobs first; ``before``: job and stage of the last one seen."""
    job, name = before or (None, None)
    given = {
        "(stages.job, stages.stage) < (:job, :name)": job,
        "stages.engine = :engine": engine,
        "stages.stage = :stage": stage,
    }
    where = "".join(f" AND {clause}" for clause, value in given.items() if value is not None)
    values = {"tenant": tenant, "limit": limit, "job": job, "name": name, "engine": engine,
              "stage": stage}  # fmt: skip
    bound = {key: value for key, value in values.items() if value is not None}
    rows = await connection.execute(text(PARKED.format(where=where)), bound)
    return [Parked(jobs.decode(row.state), row.stage) for row in rows]


async def lines(connection: AsyncConnection) -> list[Line]:
    """Who waits for which engine, of all tenants."""
    rows = await connection.execute(WAITING)
    return [Line(row.engine, row.tenant, row.waiting, row.since) for row in rows]


async def own(connection: AsyncConnection, ids: Collection[str], *, tenant: str) -> set[str]:
    """Those of these jobs that are the tenant's."""
    found = await connection.scalars(OWN, {"ids": list(ids), "tenant": tenant})
    return set(found)
