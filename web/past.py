"""A job as it was: its first events from the archive, and what had been heard by then."""

from collections.abc import Iterable

from projector import queries
from streams.events import Artifact, Event, SegmentFinalized
from streams.job import Job, fold
from streams.transcript import Segment, Transcript
from web.call import Call
from web.errors import NotFound
from web.finding import unknown

PAGE = 500
HEARD = ("merge", "align", "transcribe")
"""Stages whose output is a transcript, the best first."""


async def history(call: Call, rev: int) -> list[Event]:
    """The first ``rev`` events of a job.

    Raises:
        NotFound: this tenant has no such job, or it has not come so far.
    """
    events: list[Event] = []
    while not events or events[-1].rev < rev:
        batch = await page(call, after=events[-1].seq if events else 0, limit=PAGE)
        events += batch
        if len(batch) < PAGE:
            break
    if not events:
        raise unknown(call.job_id)
    if events[-1].rev < rev:
        raise NotFound(
            f"Job {call.job_id} has no revision {rev}; its latest archived is {events[-1].rev}."
        )
    return [event for event in events if event.rev <= rev]


async def job_at(call: Call, rev: int) -> Job:
    """The job after its first ``rev`` events."""
    job = fold(await history(call, rev))
    if job is None:
        raise unknown(call.job_id)
    return job


async def page(call: Call, *, after: int, limit: int) -> list[Event]:
    """Events of the job, those with a seq over ``after``."""
    async with call.web.backends.reading() as connection:
        return await queries.events(
            connection, after=after, job=call.job_id, tenant=call.tenant, limit=limit
        )


def best(job: Job) -> Artifact | None:
    """The best transcript of the job so far; before its words were masked there is none."""
    if job.transcript is not None or job.request.redact:
        return job.transcript
    outputs = (job.stages[stage].output for stage in HEARD if stage in job.stages)
    return next((output for output in outputs if output is not None), None)


def so_far(job: Job, events: Iterable[Event]) -> Transcript | None:
    """What the current attempt has told of what it hears; None before it told anything."""
    told: list[Segment] = []
    for event in events:
        fact = event.fact
        if not isinstance(fact, SegmentFinalized):
            continue
        stage = job.stages.get(fact.stage)
        if stage is not None and stage.token == fact.token:
            heard = (Segment(one.start, one.end, one.text) for one in fact.segments)
            told[fact.first :] = heard
    if not told:
        return None
    return Transcript(
        duration=max(one.end for one in told), segments=tuple(told), language=job.request.language
    )
