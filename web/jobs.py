"""The handlers that show jobs: the list, one now or at a revision, its events."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import quote

import msgspec
from msgspec import Meta
from msgspec.structs import replace
from starlette.responses import Response

from projector import queries, submissions
from projector.which import Which
from streams.cloudevents import cloud_event
from streams.events import Artifact
from streams.job import Job, JobStatus
from web import moments, past
from web.call import LONGEST_WAIT_S, Call, Seq, json
from web.errors import Gone, NotFound
from web.finding import found, settled_view
from web.views import JobList, JobView, accepted_view, job_view

Id = Annotated[str, Meta(min_length=26, max_length=26, pattern="^[0-9a-hjkmnp-tv-z]{26}$")]


Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class ListQuery(msgspec.Struct, frozen=True):
    """Which jobs: all that is given holds; and how many before (older than) which one.

    ``q``: part of the file's name. ``since``, ``until``: 2026-03-01T12:00:00Z, or 24h, 7d ago.
    ``stage``, ``engine``, ``model``: one stage of it, that was not left out, has them all.
    """

    status: JobStatus | Literal["accepted"] | None = None
    q: Text | None = None
    since: Text | None = None
    until: Text | None = None
    stage: Text | None = None
    engine: Text | None = None
    model: Text | None = None
    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    before: Id | None = None


class OneQuery(msgspec.Struct, frozen=True):
    """At which revision; or how many seconds to wait for the job to end."""

    at: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    wait: Annotated[float, Meta(ge=0, le=LONGEST_WAIT_S)] = 0.0


class EventsQuery(msgspec.Struct, frozen=True):
    """Events with a seq over ``after``."""

    after: Seq = 0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 200


async def listed(call: Call) -> Response:
    """GET /v1/jobs: those that are projected, and those that are only accepted yet."""
    query, views = call.query(ListQuery), list[JobView]()
    page: dict[str, Any] = {
        "tenant": call.tenant,
        "which": _which(query),
        "limit": query.limit + 1,
        "before": query.before,
    }
    async with call.web.backends.snapshot() as connection:
        views += map(job_view, await queries.jobs(connection, **page))
        views += map(accepted_view, await submissions.unbegun(connection, **page))
    views.sort(key=lambda view: view.id, reverse=True)
    shown = views[: query.limit]
    return json(JobList(shown, shown[-1].id if len(views) > len(shown) else None))


def _which(query: ListQuery) -> Which:
    now = datetime.now(UTC)
    given = {"since": query.since, "until": query.until}
    times = {name: moments.parse(name, text, now) for name, text in given.items() if text}
    return Which(
        status=query.status,
        name=query.q,
        stage=query.stage,
        engine=query.engine,
        model=query.model,
        **times,
    )


async def one(call: Call) -> Response:
    """GET /v1/jobs/{id}."""
    query = call.query(OneQuery)
    if query.at is not None:
        return json(job_view(await past.job_at(call, query.at)))
    view = await settled_view(call, call.job_id, call.waits_s())
    return json(public(view) if call.caller.auth == "share" else view)


async def events(call: Call) -> Response:
    """GET /v1/jobs/{id}/events."""
    query = call.query(EventsQuery)
    batch = await past.page(call, after=query.after, limit=query.limit)
    if not batch:
        # Nothing (more) yet, or no such job: that makes a difference.
        await found(call.web, call.job_id, call.tenant)
    following = batch[-1].seq if len(batch) == query.limit else None
    return json({"events": [cloud_event(event) for event in batch], "next": following})


def public(view: JobView) -> JobView:
    """The job as whoever has a link sees it: without what its owner asked for in private."""
    request = replace(view.request, labels={}, hotwords=None, initial_prompt=None)
    return replace(view, request=request)


def kept(job: object, job_id: str) -> None:
    """See to it that a job was not erased.

    Raises:
        Gone: it was.
    """
    if isinstance(job, Job) and job.erased:
        raise Gone(f"Job {job_id} was erased, its transcript too.")


def transcript_of(job: object, job_id: str) -> Artifact:
    """Where a job's transcript is; an error that says why there is none."""
    kept(job, job_id)
    if not isinstance(job, Job):
        raise NotFound(f"Job {job_id} is accepted: it has no transcript yet.")
    if job.transcript is None:
        reason = f" ({job.reason})" if job.reason else ""
        yet = "" if job.terminal else " yet"
        raise NotFound(f"Job {job_id} is {job.status}{reason}: it has no transcript{yet}.")
    return job.transcript


def disposition(filename: str, form: str) -> str:
    """The name to save under: plain for old clients, and as it is for the others (RFC 6266)."""
    stem = filename.rpartition(".")[0] or filename or "transcript"
    plain = re.sub(r"[^A-Za-z0-9 ._-]", "_", stem)
    exact = quote(f"{stem}.{form}", safe="")
    return f"attachment; filename=\"{plain}.{form}\"; filename*=UTF-8''{exact}"
