"""What people want done to a job: cancel it, try it again, erase it."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, UnsetType
from starlette.responses import Response

from projector import submissions
from projector.restore import restore_job
from streams import decide
from streams.artifacts import source_key
from streams.events import AnyFact, JobRequest
from streams.ids import new_id
from streams.job import Job
from streams.pipeline import plan
from web import options
from web.call import Call, json
from web.errors import BadRequest, Clash, Forbidden, Gone
from web.finding import unknown
from web.intake import accepted, idempotency_key, offers_now, submission
from web.uploads import Upload
from web.views import JobView, job_view

Decide = Callable[[Job | None, datetime], Sequence[AnyFact]]


class CancelBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why; it is kept in the job's events."""

    reason: Annotated[str, Meta(max_length=500)] = ""


class RetryQuery(msgspec.Struct, frozen=True):
    """Which parked stage; all of them when none is named."""

    stage: Annotated[str, Meta(max_length=64)] | None = None


Changes = msgspec.defstruct(
    "Changes",
    [
        (field.name, field.type | UnsetType, msgspec.UNSET)
        for field in msgspec.structs.fields(JobRequest)
    ],
    frozen=True,
    forbid_unknown_fields=True,
    namespace={"__doc__": "Options that the new job is to have otherwise; all may be left out."},
)


async def cancel(call: Call) -> Response:
    """POST /v1/jobs/{id}/cancel."""
    return json(await _cancel(call, (await call.body(CancelBody)).reason))


async def _cancel(call: Call, reason: str, job: Job | None = None) -> JobView:
    view = await command(call, lambda job, now: decide.cancel(job, reason=reason, now=now), job)
    backends = call.web.backends
    # Engines renew every few seconds; a nudge makes them look at once.
    await backends.redis.publish(backends.keys.nudges, call.job_id)
    return view


async def retry(call: Call) -> Response:
    """POST /v1/jobs/{id}/retry: unpark what is blocked, or run what has ended again.

    With changes, a blocked job is run again too.
    """
    stage = call.query(RetryQuery).stage
    changes = msgspec.to_builtins(await call.body(Changes))
    job = await standing(call)
    if job.erased:
        raise Gone(f"Job {job.id} was erased, its audio too: there is nothing to try again.")
    if job.terminal:
        return await _again(call, job, changes)
    if changes and job.status == "blocked":
        return await _instead(call, job, changes)
    if changes:
        raise Clash(f"Job {job.id} is {job.status}: options can change once it has ended.")
    view = await command(call, lambda job, now: decide.unpark(job, stage=stage, now=now))
    return json(view)


async def erase(call: Call) -> Response:
    """DELETE /v1/jobs/{id}: its objects go, and what its events and rows say."""
    # The projector's eraser follows the event: objects, index, archive, log.
    await command(call, lambda job, _: decide.erase(job))
    return Response(status_code=204)


async def command(call: Call, decision: Decide, job: Job | None = None) -> JobView:
    """Carry out a command on a job of this tenant; its events say who wanted it."""
    job = job or await standing(call)
    committed = await call.web.backends.ledger.transition(
        job.id, decision, known=job, meta=call.caller.signature
    )
    assert committed.job is not None
    return job_view(committed.job)


async def standing(call: Call) -> Job:
    """The job's state in Redis, brought there when need be.

    Raises:
        NotFound: this tenant has no such job.
    """
    backends, job_id = call.web.backends, call.job_id
    asked = time.monotonic()
    async with backends.reading() as connection:
        job = await restore_job(backends.ledger, connection, job_id)
        kept = None if job else await submissions.find(connection, job_id, call.tenant)
    if kept is not None:
        # Accepted, but its first event is still on its way.
        offered = await offers_now(call)
        job = (await submissions.submit(backends.ledger, kept, offered, asked=asked)).job
    if job is None or job.tenant != call.tenant:
        raise unknown(job_id)
    return job


async def _instead(call: Call, job: Job, changes: dict[str, Any]) -> Response:
    """A new job in the place of a blocked one, which is cancelled once the new one is accepted."""
    if call.query(RetryQuery).stage is not None:
        raise BadRequest("With changes the whole job is tried again: leave 'stage' out.")
    answer = await _again(call, job, changes)
    other = msgspec.json.decode(answer.body, type=JobView)
    await _cancel(call, f"tried again with other options as job {other.id}", job)
    return answer


async def _again(call: Call, job: Job, changes: dict[str, Any]) -> Response:
    """A new job of the same audio, with an object of its own: either may be erased alone."""
    request = options.override(job.request, changes)
    if unmasks(job.request, request) and not call.caller.admin:
        raise Forbidden(
            f"Job {job.id} asked for what is personal to be masked: to mask less of the same audio "
            "an admin's key is needed."
        )
    offered = await offers_now(call)
    plan(request, offered)
    artifacts, job_id = call.web.backends.artifacts, new_id()
    source = await artifacts.put_stream(
        source_key(job_id), artifacts.stream(job.source), job.source.media_type
    )
    upload = Upload(request=request, filename=job.filename, source=source)
    wanted = submission(call, job_id, upload, idempotency_key(call), again_from=job.id)
    view, fresh = await accepted(call, wanted, offered)
    return json(view, 201 if fresh else 200, {"Location": f"/v1/jobs/{view.id}"})


def unmasks(before: JobRequest, after: JobRequest) -> bool:
    """Whether the same audio, asked for so, would tell what it did not before."""
    if not before.redact:
        return False
    named, still = set(before.redact_kinds), set(after.redact_kinds)  # none named: all kinds
    fewer = bool(still) and not (named and named <= still)
    audible = before.redact_audio != "keep" and after.redact_audio == "keep"
    return not after.redact or fewer or audible
