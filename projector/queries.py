"""What the projection can be asked: plain SQL, typed answers, always within one tenant."""

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.which import ALL, Which
from streams import job as jobs_
from streams.events import Event, decode_fact, decode_meta
from streams.job import Job

FOLD = "fold"
"""The checkpoint of the projection itself."""


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a consumer has come: the last event it took in (0 and "" before the first)."""

    seq: int = 0
    id: str = ""
    epoch: int = 1


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A segment that matches; ``marks`` are (start, end) offsets of the words in ``snippet``."""

    job: str
    filename: str
    start: float
    end: float
    speaker: str | None
    text: str
    snippet: str
    marks: list[tuple[int, int]]


CHECKPOINT = text("SELECT seq, id, epoch FROM checkpoints WHERE name = :name")
JOB = text("SELECT state FROM jobs WHERE id = :id AND tenant = :tenant")
JOBS = """
    SELECT state FROM jobs WHERE tenant = :tenant {where} ORDER BY id DESC LIMIT :limit
"""
EVENTS = """
    SELECT seq, id, epoch, type, time, job, rev, tenant, prev, meta, data FROM events
    WHERE seq > :after {where} ORDER BY seq LIMIT :limit
"""
START, STOP = "\x02", "\x03"
"""Around a match in ts_headline's answer; the index holds no control characters."""
SEARCH = text("""
    WITH query AS (SELECT websearch_to_tsquery('simple', :text) AS q),
    found AS (
        SELECT s.*, ts_rank_cd(s.words, q) AS rank FROM segments s, query
        WHERE s.words @@ q AND s.tenant = :tenant
        ORDER BY rank DESC, s.job DESC, s.n LIMIT :limit
    )
    SELECT found.job, coalesce(jobs.filename, '') AS filename, found.start, found."end",
           found.speaker, found.text,
           ts_headline('simple', found.text, q, :marks) AS headline
    FROM query, found LEFT JOIN jobs ON jobs.id = found.job
    ORDER BY found.rank DESC, found.job DESC, found.n
""")
MARKS = f"HighlightAll=true, StartSel={START}, StopSel={STOP}"


async def checkpoint(connection: AsyncConnection, name: str = FOLD) -> Checkpoint:
    """How far the projection (or another consumer) has come."""
    row = (await connection.execute(CHECKPOINT, {"name": name})).first()
    return Checkpoint(row.seq, row.id, row.epoch) if row else Checkpoint()


async def job(connection: AsyncConnection, job_id: str, *, tenant: str) -> Job | None:
    """One job as folded so far."""
    state = await connection.scalar(JOB, {"id": job_id, "tenant": tenant})
    return jobs_.decode(state) if state is not None else None


async def jobs(
    connection: AsyncConnection,
    *,
    tenant: str,
    which: Which = ALL,
    limit: int = 50,
    before: str | None = None,
) -> list[Job]:
    """Jobs, the newest first; ``before`` is the id of the last one of the page before."""
    where, values = which.of_jobs(before)
    values |= {"tenant": tenant, "limit": limit}
    rows = await connection.scalars(text(JOBS.format(where=where)), values)
    return [jobs_.decode(state) for state in rows]


async def events(
    connection: AsyncConnection,
    *,
    after: int = 0,
    job: str | None = None,
    tenant: str | None = None,
    limit: int = 500,
) -> list[Event]:
    """Archived events with seq over ``after``, in order."""
    given = {"job = :job": job, "tenant = :tenant": tenant}
    values = {"after": after, "limit": limit, "job": job, "tenant": tenant}
    rows = await connection.execute(_where(EVENTS, given), _bound(values))
    return [event(row) for row in rows]


async def search(
    connection: AsyncConnection, *, tenant: str, text: str, limit: int = 20
) -> list[Hit]:
    """Segments that hold the words; web search syntax: "a phrase", or, -without."""
    values = {"tenant": tenant, "text": text.replace("\x00", " "), "limit": limit, "marks": MARKS}
    rows = await connection.execute(SEARCH, values)
    return [_hit(row) for row in rows]


def event(row: Row[Any]) -> Event:
    """A row of the archive as the Event that it was."""
    return Event(
        seq=row.seq,
        id=row.id,
        epoch=row.epoch,
        type=row.type,
        time=row.time,
        job=row.job,
        rev=row.rev,
        tenant=row.tenant,
        prev=row.prev,
        meta=decode_meta(row.meta.encode()),
        fact=decode_fact(row.type, row.data.encode()),
    )


def _hit(row: Row[Any]) -> Hit:
    snippet, marks = offsets(row.headline)
    return Hit(
        job=row.job,
        filename=row.filename,
        start=row.start,
        end=row.end,
        speaker=row.speaker,
        text=row.text,
        snippet=snippet,
        marks=marks,
    )


def offsets(headline: str) -> tuple[str, list[tuple[int, int]]]:
    """A marked text as plain text and the offsets of its marks."""
    plain, marks, at = "", [], 0
    for piece in headline.split(START):
        marked, stop, rest = piece.partition(STOP)
        if stop:
            marks.append((at, at + len(marked)))
        plain += marked + rest
        at = len(plain)
    return plain, marks


def _where(statement: str, given: dict[str, Any]) -> Any:
    chosen: Iterable[str] = (clause for clause, value in given.items() if value is not None)
    return text(statement.format(where="".join(f" AND {clause}" for clause in chosen)))


def _bound(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
