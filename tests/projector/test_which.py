"""Filters of the list on as many jobs as a tenant has after years: each page comes at once."""

import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from projector import queries
from projector.which import Which
from streams.commit import Ledger
from streams.log import Log
from tests.projector.conftest import Start, caught_up

MANY = 10_000
COPY = text("""
    INSERT INTO jobs (id, tenant, status, rev, filename, submitted_at, erased, state)
    SELECT lpad(n::text, 26, '0'), tenant, status, rev, 'talk ' || n || '.wav',
           CAST(:now AS timestamptz) - n * interval '1 minute', false, state || repeat(' ', 2000)
    FROM jobs, generate_series(1, :many) AS n WHERE id = :id
""")
STAGES = text("""
    INSERT INTO stages (job, stage, tenant, engine, status, token, owner, model, wall_s, failed,
                        lost, preempted, reason)
    SELECT jobs.id, stage, jobs.tenant, engine, stages.status, token, owner,
           CASE WHEN stage = 'transcribe' THEN CASE jobs.id WHEN :rare THEN 'rare' ELSE 'm' END END,
           wall_s, failed, lost, preempted, reason
    FROM stages, jobs WHERE stages.job = :id AND jobs.id <> :id
""")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


CASES = (
    (Which(), 50),
    (Which(name="TALK 77"), 50),
    (Which(name="no such file"), 0),
    (Which(since=NOW - DAY), 50),
    (Which(since=NOW + DAY), 0),
    (Which(until=NOW - 6 * DAY), 50),
    (Which(until=NOW - 60 * DAY), 0),
    (Which(since=NOW - 2 * DAY, until=NOW - DAY), 50),
    (Which(stage="transcribe"), 50),
    (Which(engine="no_such_engine"), 0),
    (Which(model="rare"), 1),
    (Which(model="m", name="talk 7.wav", status="failed"), 0),
)


async def test_a_page_of_ten_thousand_jobs_comes_at_once(
    start: Start, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()
    one = await traffic.succeeded(ledger)
    await caught_up(db, log)
    rare = "7".rjust(26, "0")
    async with db.begin() as connection:
        await connection.execute(COPY, {"id": one.id, "many": MANY, "now": NOW})
        await connection.execute(STAGES, {"id": one.id, "rare": rare})
        await connection.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": one.id})
        await connection.execute(text("ANALYZE"))
    for which, found in CASES:
        async with db.connect() as connection:
            began = time.perf_counter()
            page = await queries.jobs(connection, tenant="default", which=which, limit=50)
            took = time.perf_counter() - began
            where, values = which.of_jobs(None)
            plan = await connection.scalars(
                text(f"EXPLAIN (ANALYZE, COSTS OFF) {queries.JOBS.format(where=where)}"),
                {**values, "tenant": "default", "limit": 50},
            )
            print(which, *plan, f"{took * 1000:.1f} ms", sep="\n")
        assert (len(page), took < 0.5) == (found, True), which
