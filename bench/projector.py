"""The fold against the bare database: live and rebuilding, in the same minute, on a real log."""

import asyncio
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import asyncpg
import uvloop
from msgspec.structs import replace

from bench import report, traffic
from bench.report import Row
from infra.local import postgres as local_postgres
from infra.local import valkey as local_valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from projector import database, memory
from projector.rebuild import rebuild
from projector.worker import Worker, tail
from streams.commit import Ledger
from streams.connection import connect
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings

BATCH = 500
ROUNDS = 3

BARE_TABLES = """
    DROP TABLE IF EXISTS bare_events, bare_jobs;
    CREATE TABLE bare_events (seq bigint PRIMARY KEY, id text UNIQUE, type text, time timestamptz,
                              job text, data text);
    CREATE INDEX ON bare_events (job, seq);
    CREATE TABLE bare_jobs (id text PRIMARY KEY, status text, rev int, changed_at timestamptz,
                            state text);
"""
BARE_UPSERT = """
    INSERT INTO bare_jobs SELECT * FROM unnest($1::text[], $2::text[], $3::int[],
                                               $4::timestamptz[], $5::text[])
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, rev = excluded.rev,
                                   changed_at = excluded.changed_at, state = excluded.state
"""


async def bare(dsn: str, events: int) -> float:
    """Events/s of transactions of 500 events of 300 bytes by COPY and 500 upserts by unnest."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(BARE_TABLES)
        now, data = datetime.now(UTC), "x" * 220
        batches = [
            (
                [
                    (seq, f"{seq:026}", "stage.completed", now, f"job-{seq % 1000:022}", data)
                    for seq in range(first, first + BATCH)
                ],
                [(f"job-{n:022}", "running", first, now, data) for n in range(BATCH)],
            )
            for first in range(1, events + 1, BATCH)
        ]
        began = time.perf_counter()
        for rows, jobs in batches:
            async with connection.transaction():
                await connection.copy_records_to_table("bare_events", records=rows)
                await connection.execute(BARE_UPSERT, *zip(*jobs, strict=True))
        return len(batches) * BATCH / (time.perf_counter() - began)
    finally:
        await connection.execute("DROP TABLE IF EXISTS bare_events, bare_jobs")
        await connection.close()


async def live(settings: Settings, seq: int) -> float:
    """Events/s of the real worker from an empty database to that seq."""

    async def never(reason: str) -> None:
        raise SystemExit(f"the log diverged: {reason}")

    redis = tail(connect(settings.redis_url))
    pool = database.engine(settings)
    worker = Worker(settings, pool, redis, recover=never)
    with memory.seldom_collected():  # as the process has it
        began = time.perf_counter()
        task = asyncio.create_task(worker.run())
        while worker.at.seq < seq:
            worker.advanced.clear()
            await asyncio.wait_for(worker.advanced.wait(), 30)
        taken = time.perf_counter() - began
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await pool.dispose()
    await redis.aclose()
    return seq / taken


async def rebuilding(settings: Settings) -> float:
    """Events/s of a rebuild, with its comparison and its swap."""
    began = time.perf_counter()
    told = await rebuild(settings)
    assert told.same, told
    return told.events / (time.perf_counter() - began)


async def measure(jobs: int = 8000) -> list[Row]:
    """Make a log by real commits, on servers of our own; fold and rebuild it, thrice."""
    async with servers() as settings:
        own = replace(settings, log_window=10_000_000)
        redis = connect(own.redis_url)
        keys = Keys(own.key_prefix, own.partition)
        await Log(redis, keys).create(Head(0, "", 1))
        await traffic.many(Ledger(redis, keys), jobs)
        await redis.aclose()
        seq = jobs * traffic.EVENTS_A_JOB
        figures = []
        for _ in range(ROUNDS):
            async with fresh_database(own.postgres_dsn) as dsn:
                mine = replace(own, postgres_dsn=dsn)
                await database.migrate(mine)
                figures.append(
                    (await bare(dsn, seq), await live(mine, seq), await rebuilding(mine))
                )
    return rows(seq, figures)


def rows(seq: int, figures: list[tuple[float, float, float]]) -> list[Row]:
    """The figures as lines; ratios are within a round, bare before and after it."""
    plain, lived, rebuilt = (median(column) for column in zip(*figures, strict=True))
    half = median(b / a for a, b, _ in figures)
    whole = median(c / a for a, _, c in figures)
    return [
        Row("bare: 500 events + 500 upserts a transaction", f"{plain:,.0f} events/s"),
        Row("projector, live", _figure(lived, half), "half of bare", half >= 0.5),
        Row("projector, rebuild", _figure(rebuilt, whole), "all of bare", whole >= 1),
        Row("… over a log of", f"{seq:,} events, {ROUNDS} rounds"),
    ]


def _figure(rate: float, ratio: float) -> str:
    return f"{rate:,.0f} events/s ({ratio:.2f} of bare)"


@asynccontextmanager
async def fresh_database(dsn: str) -> AsyncIterator[str]:
    """A database beside the one that `servers` gives, dropped afterwards."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(dsn)
    await admin.execute(f"CREATE DATABASE {name}")
    try:
        yield dsn.replace("/postgres?", f"/{name}?")
    finally:
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        await admin.close()


@asynccontextmanager
async def servers() -> AsyncIterator[Settings]:
    """A Valkey and a Postgres of our own, as the local stack runs them."""
    with tempfile.TemporaryDirectory() as folder:
        home, run = Path(folder), socket_directory()
        valkey = Child(
            local_valkey.program(data=home / "v", run=run, log=home / "v.log", environ={})
        )
        await local_postgres.prepare(home / "p", {})
        postgres = Child(
            local_postgres.program(data=home / "p", run=run, log=home / "p.log", environ={})
        )
        try:
            await valkey.start()
            await postgres.start()
            yield Settings(
                redis_url=local_valkey.url(run), postgres_dsn=local_postgres.dsn(run, "postgres")
            )
        finally:
            await valkey.stop()
            await postgres.stop()
            discard(run)


def main() -> int:
    """Measure and say so."""
    return 0 if report.show("Projector", uvloop.run(measure())) else 1


if __name__ == "__main__":
    sys.exit(main())
