"""Batches into the tables: COPY for the archive, one upsert a table for what is folded."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import asyncpg

from projector.fold import Changes
from projector.rows import Row
from streams import job as jobs
from streams.job import Job

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Values: TypeAlias = tuple[Any, ...]

JOBS = {
    "id": "text", "tenant": "text", "status": "text", "rev": "int4", "filename": "text",
    "submitted_at": "timestamptz", "ended_at": "timestamptz", "deadline": "timestamptz",
    "audio_s": "float8", "erased": "bool", "state": "text",
}  # fmt: skip
STAGES = {
    "job": "text", "stage": "text", "tenant": "text", "engine": "text", "status": "text",
    "token": "int4", "owner": "text", "model": "text", "ready_at": "timestamptz",
    "started_at": "timestamptz", "ended_at": "timestamptz", "due_at": "timestamptz",
    "wall_s": "float8", "audio_s": "float8", "peak_rss": "int8", "failed": "int4", "lost": "int4",
    "preempted": "int4", "reason": "text",
}  # fmt: skip


def _upsert(table: str, columns: dict[str, str], key: tuple[str, ...]) -> str:
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(columns.values(), start=1))
    changed = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {changed}"
    )


UPSERT_JOBS = _upsert("{schema}jobs", JOBS, ("id",))
UPSERT_STAGES = _upsert("{schema}stages", STAGES, ("job", "stage"))
COUNT_UNKNOWN = """
    INSERT INTO {schema}unknown_events AS u (type, count, last_seq) VALUES ($1, $2, $3)
    ON CONFLICT (type) DO UPDATE SET count = u.count + excluded.count, last_seq = excluded.last_seq
"""


async def archive(connection: Connection, rows: Sequence[Row]) -> None:
    """Append events to the archive."""
    await connection.copy_records_to_table("events", records=rows, columns=Row._fields)


async def load(connection: Connection, ids: Iterable[str], *, schema: str = "") -> dict[str, Job]:
    """The states of these jobs, as far as there are any. ``schema``: "" or "name."."""
    wanted = list(ids)
    if not wanted:
        return {}
    found = await connection.fetch(
        f"SELECT state FROM {schema}jobs WHERE id = ANY($1::text[])",  # noqa: S608
        wanted,
    )
    states = [jobs.decode(row[0]) for row in found]
    return {job.id: job for job in states}


async def save(connection: Connection, changes: Changes, *, schema: str = "") -> None:
    """Write what a batch changed: its jobs, those of their stages that differ, the counts."""
    await write(connection, job_rows(changes), stage_rows(changes), schema=schema)
    await count(connection, changes, schema=schema)


async def count(connection: Connection, changes: Changes, *, schema: str = "") -> None:
    """Add up what could not be folded."""
    for type_, times in changes.unknown.items():  # rare
        last = changes.last_unknown[type_]
        await connection.execute(COUNT_UNKNOWN.format(schema=schema), type_, times, last)


async def insert(
    connection: Connection, job_rows: list[Values], stage_rows: list[Values], *, schema: str
) -> None:
    """Append rows of jobs and stages that are not there yet."""
    for table, rows, columns in (("jobs", job_rows, JOBS), ("stages", stage_rows, STAGES)):
        if rows:
            await connection.copy_records_to_table(
                table, records=rows, columns=list(columns), schema_name=schema
            )


async def write(
    connection: Connection,
    job_rows: Sequence[Values],
    stage_rows: Sequence[Values],
    *,
    schema: str = "",
) -> None:
    """Upsert rows of jobs and stages."""
    if job_rows:
        await connection.execute(UPSERT_JOBS.format(schema=schema), *zip(*job_rows, strict=True))
    if stage_rows:
        await connection.execute(
            UPSERT_STAGES.format(schema=schema), *zip(*stage_rows, strict=True)
        )


def job_rows(changes: Changes) -> list[Values]:
    """A row of `jobs` for each job touched."""
    return [job_row(job) for job in changes.after.values()]


def job_row(job: Job) -> Values:
    """The row of one job, in the order of JOBS."""
    return (
        job.id, job.tenant, job.status, job.rev, _text(job.filename), job.submitted_at,
        job.ended_at, job.deadline, audio_s(job), job.erased, jobs.encode(job).decode(),
    )  # fmt: skip


def stage_rows(changes: Changes) -> list[Values]:
    """A row of `stages` for each stage that is another value than before."""
    rows = []
    for job_id, job in changes.after.items():
        before = changes.before[job_id]
        stages = before.stages if before else {}
        engines = {node.name: node.engine for node in job.plan}
        for name, stage in job.stages.items():
            if stages.get(name) is not stage:
                rows.append(stage_row(job, name, engines[name]))
    return rows


def stage_row(job: Job, name: str, engine: str) -> Values:
    """The row of one stage, in the order of STAGES."""
    stage = job.stages[name]
    usage = stage.usage
    return (
        job.id, name, job.tenant, engine, stage.status, stage.token, _text(stage.owner),
        usage.model, stage.ready_at, stage.started_at, stage.ended_at, stage.due_at, usage.wall_s,
        usage.audio_s, usage.peak_rss, stage.failed, stage.lost, stage.preempted,
        _text(stage.reason),
    )  # fmt: skip


def audio_s(job: Job) -> float | None:
    """Seconds of audio as the first stage that measured them says."""
    for stage in job.stages.values():
        if stage.usage.audio_s is not None:
            return stage.usage.audio_s
    return None


def _text(text: str) -> str:
    """Postgres holds no NUL in a text."""
    return text.replace("\x00", "") if "\x00" in text else text
