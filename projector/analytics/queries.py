"""The questions that have a name: each is one SELECT over the views, for any range and bucket.

What is shown is what is run: the values stand in the text, as literals. They are times, words out
of a list, and names of engines, models and stages, which are quoted; and it is asked as any other
SQL is, with the rights of the reader.
"""

from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

import msgspec

Bucket: TypeAlias = Literal["minute", "hour", "day", "week"]
Type: TypeAlias = Literal["text", "integer", "number", "boolean", "time", "json"]
BUCKETS: tuple[tuple[timedelta, Bucket], ...] = (
    (timedelta(hours=3), "minute"),
    (timedelta(days=4), "hour"),
    (timedelta(days=120), "day"),
)


class Column(msgspec.Struct, frozen=True):
    """A column of a view or an answer; ``unit`` is "" where there is none."""

    name: str
    type: Type
    unit: str
    summary: str


class Query(msgspec.Struct, frozen=True):
    """A question with a name; rows are one for each bucket and each value of ``group``."""

    name: str
    title: str
    summary: str
    template: str
    columns: tuple[Column, ...]
    group: tuple[str, ...] = ()
    words: bool = False
    """Whether rows hold what people called something: those stay their tenant's own."""

    def sql(
        self,
        since: datetime,
        until: datetime,
        bucket: Bucket = "day",
        *,
        engine: str | None = None,
        model: str | None = None,
        stage: str | None = None,
    ) -> str:
        """The statement for a range: from ``since`` on, before ``until``."""
        wanted = {"engine": engine, "model": model, "stage": stage}
        given = [f"{name} = {literal(value)}" for name, value in wanted.items() if value]
        stage_of = " AND ".join(["status <> 'skipped'", *given])
        some = f"SELECT job FROM analytics.stages WHERE {stage_of}"  # noqa: S608 - quoted
        return self.template.format(
            since=f"timestamptz {literal(moment(since))}",
            until=f"timestamptz {literal(moment(until))}",
            bucket=literal(bucket),
            attempts="".join(f" AND {one}" for one in given),
            jobs=f" AND job IN ({some})" if given else "",
        )


def literal(text: str) -> str:
    """A text as it stands in SQL.

    Raises:
        ValueError: it holds a NUL.
    """
    if "\x00" in text:
        raise ValueError("a NUL character cannot be asked for")
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"E'{quoted}'" if "\\" in text else f"'{quoted}'"


def moment(time: datetime) -> str:
    """A time as RFC 3339 in UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def fitting(since: datetime, until: datetime) -> Bucket:
    """The bucket with which a range has some tens of them."""
    return next((bucket for span, bucket in BUCKETS if until - since <= span), "week")


def _bucket(of: str) -> Column:
    return Column("bucket", "time", "", f"when it begins, in UTC; a row counts by {of}")


STAGE = Column("stage", "text", "", "of the plan")
ENGINE = Column("engine", "text", "", "who did it")
MODEL = Column("model", "text", "", "with which model; empty without one, or when it never loaded")
ATTEMPTS = Column("attempts", "integer", "", "how many ended")

THROUGHPUT = Query(
    "throughput",
    "Throughput",
    "Jobs that came and that ended, and the audio in those that succeeded",
    """\
SELECT date_trunc({bucket}, moment, 'UTC') AS bucket,
       count(*) FILTER (WHERE what = 'submitted') AS submitted,
       count(*) FILTER (WHERE what = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE what = 'failed') AS failed,
       count(*) FILTER (WHERE what = 'cancelled') AS cancelled,
       coalesce(sum(audio_s) FILTER (WHERE what = 'succeeded'), 0) AS audio_s,
       avg(took_s) FILTER (WHERE what = 'succeeded') AS took_s
FROM (
    SELECT submitted_at AS moment, 'submitted' AS what, NULL::float8 AS audio_s,
           NULL::float8 AS took_s
    FROM analytics.jobs WHERE submitted_at >= {since} AND submitted_at < {until}{jobs}
    UNION ALL
    SELECT ended_at, status, audio_s, took_s
    FROM analytics.jobs WHERE ended_at >= {since} AND ended_at < {until}{jobs}
) AS happened
GROUP BY 1 ORDER BY 1""",
    (
        _bucket("when it was submitted, and again by when it ended"),
        Column("submitted", "integer", "jobs", "that were submitted"),
        Column("succeeded", "integer", "jobs", "that ended with a transcript"),
        Column("failed", "integer", "jobs", "that ended without"),
        Column("cancelled", "integer", "jobs", "that somebody cancelled"),
        Column("audio_s", "number", "s", "of audio in those that succeeded"),
        Column("took_s", "number", "s", "from submission to success, on average"),
    ),
)
WAITING = Query(
    "waiting",
    "Waiting",
    "How long attempts waited in the queue of their engine before they began",
    """\
SELECT date_trunc({bucket}, started_at, 'UTC') AS bucket, stage, engine,
       count(*) AS attempts, avg(wait_s) AS wait_s,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY wait_s) AS wait_p50_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY wait_s) AS wait_p95_s,
       max(wait_s) AS wait_max_s
FROM analytics.attempts
WHERE started_at >= {since} AND started_at < {until}{attempts}
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3""",
    (
        _bucket("when it began"),
        STAGE,
        ENGINE,
        Column("attempts", "integer", "", "how many began"),
        Column("wait_s", "number", "s", "on average"),
        Column("wait_p50_s", "number", "s", "half of them waited less"),
        Column("wait_p95_s", "number", "s", "95 of 100 waited less"),
        Column("wait_max_s", "number", "s", "the longest wait"),
    ),
    ("stage", "engine"),
)
RTF = Query(
    "rtf",
    "Real-time factor",
    "Seconds of work for a second of audio, of what was completed: below 1 is faster than speech",
    """\
SELECT date_trunc({bucket}, ended_at, 'UTC') AS bucket, stage, engine,
       coalesce(model, '') AS model, count(*) AS attempts,
       sum(audio_s) AS audio_s, sum(wall_s) AS wall_s, coalesce(sum(load_s), 0) AS load_s,
       sum(wall_s) / sum(audio_s) AS rtf,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY rtf) AS rtf_p50,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY rtf) AS rtf_p95
FROM analytics.attempts
WHERE outcome = 'completed' AND audio_s > 0 AND wall_s > 0
  AND ended_at >= {since} AND ended_at < {until}{attempts}
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""",
    (
        _bucket("when it ended"),
        STAGE,
        ENGINE,
        MODEL,
        ATTEMPTS,
        Column("audio_s", "number", "s", "of audio"),
        Column("wall_s", "number", "s", "of work, without loading the model"),
        Column("load_s", "number", "s", "of loading the model"),
        Column("rtf", "number", "", "wall_s for each second of audio, over all of them"),
        Column("rtf_p50", "number", "", "half of them had less"),
        Column("rtf_p95", "number", "", "95 of 100 had less"),
    ),
    ("stage", "engine", "model"),
)
FAILURES = Query(
    "failures",
    "Failures",
    "Attempts that did not end well: failed, lost with their engine, or told to leave",
    """\
WITH ended AS (
    SELECT date_trunc({bucket}, ended_at, 'UTC') AS bucket, stage, engine,
           coalesce(model, '') AS model, outcome, coalesce(kind, '') AS kind
    FROM analytics.attempts
    WHERE ended_at >= {since} AND ended_at < {until}{attempts}
), every AS (
    SELECT bucket, stage, engine, count(*) AS attempts FROM ended GROUP BY 1, 2, 3
)
SELECT bucket, stage, engine, model, outcome, kind, count(*) AS failures, attempts,
       count(*)::float8 / attempts AS share
FROM ended JOIN every USING (bucket, stage, engine)
WHERE outcome <> 'completed'
GROUP BY 1, 2, 3, 4, 5, 6, attempts ORDER BY 1, 2, 3, 4, 5, 6""",
    (
        _bucket("when it ended"),
        STAGE,
        ENGINE,
        MODEL,
        Column("outcome", "text", "", "failed, lost or preempted"),
        Column("kind", "text", "", "of a failure: input, unavailable, error, timeout, crash, …"),
        Column("failures", "integer", "", "attempts that ended so"),
        Column("attempts", "integer", "", "all that ended, of the stage by the engine"),
        Column("share", "number", "", "failures of attempts, 0 to 1"),
    ),
    ("stage", "engine", "model", "outcome", "kind"),
)
TALK = Query(
    "talk_time",
    "Talk time",
    "Who spoke for how long, in jobs that succeeded",
    """\
SELECT date_trunc({bucket}, ended_at, 'UTC') AS bucket, coalesce(speaker, '') AS speaker,
       count(*) AS jobs, sum(segments)::bigint AS segments, sum(talk_s) AS talk_s
FROM analytics.talk JOIN analytics.jobs USING (job)
WHERE ended_at >= {since} AND ended_at < {until}{jobs}
GROUP BY 1, 2 ORDER BY 1, 2""",
    (
        _bucket("when the job ended"),
        Column("speaker", "text", "", "as named in the transcript; empty without speakers"),
        Column("jobs", "integer", "jobs", "in which the speaker is heard"),
        Column("segments", "integer", "", "stretches of talk"),
        Column("talk_s", "number", "s", "of talk"),
    ),
    ("speaker",),
    words=True,
)
COST = Query(
    "cost",
    "Cost",
    "What attempts took, whether or not they ended well: time, tokens, money",
    """\
SELECT date_trunc({bucket}, ended_at, 'UTC') AS bucket, stage, engine,
       coalesce(model, '') AS model, count(*) AS attempts, coalesce(sum(wall_s), 0) AS wall_s,
       coalesce(sum(tokens_in), 0)::bigint AS tokens_in,
       coalesce(sum(tokens_out), 0)::bigint AS tokens_out,
       coalesce(sum(cost_usd), 0) AS cost_usd
FROM analytics.attempts
WHERE ended_at >= {since} AND ended_at < {until}{attempts}
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4""",
    (
        _bucket("when it ended"),
        STAGE,
        ENGINE,
        MODEL,
        ATTEMPTS,
        Column("wall_s", "number", "s", "of work"),
        Column("tokens_in", "integer", "tokens", "that a language model read"),
        Column("tokens_out", "integer", "tokens", "that it wrote"),
        Column("cost_usd", "number", "USD", "what it says that it cost"),
    ),
    ("stage", "engine", "model"),
)
JOBS = Query(
    "jobs",
    "Jobs",
    "One row for each job that was submitted, the newest first",
    """\
SELECT job, filename, status, submitted_at, ended_at, audio_s, took_s,
       coalesce(wait_s, 0) AS wait_s, coalesce(wall_s, 0) AS wall_s,
       coalesce(attempts, 0) AS attempts, coalesce(failures, 0) AS failures,
       coalesce(cost_usd, 0) AS cost_usd, language
FROM analytics.jobs LEFT JOIN (
    SELECT job, sum(wait_s) AS wait_s, sum(wall_s) AS wall_s, count(*) AS attempts,
           count(*) FILTER (WHERE outcome IN ('failed', 'lost', 'preempted')) AS failures,
           sum(cost_usd) AS cost_usd
    FROM analytics.attempts WHERE ready_at >= {since} GROUP BY job
) AS work USING (job)
WHERE submitted_at >= {since} AND submitted_at < {until}{jobs}
ORDER BY submitted_at DESC, job DESC""",
    (
        Column("job", "text", "", "its id"),
        Column("filename", "text", "", "of the audio"),
        Column("status", "text", "", "as it is now"),
        Column("submitted_at", "time", "", "when it came"),
        Column("ended_at", "time", "", "when it ended"),
        Column("audio_s", "number", "s", "of audio"),
        Column("took_s", "number", "s", "from submission to end"),
        Column("wait_s", "number", "s", "that its attempts waited, summed up"),
        Column("wall_s", "number", "s", "that its attempts worked, summed up"),
        Column("attempts", "integer", "", "begun or waiting"),
        Column("failures", "integer", "", "that failed, were lost or told to leave"),
        Column("cost_usd", "number", "USD", "what they say that they cost"),
        Column("language", "text", "", "that was asked for"),
    ),
    words=True,
)
QUERIES = {query.name: query for query in (THROUGHPUT, WAITING, RTF, FAILURES, TALK, COST, JOBS)}
