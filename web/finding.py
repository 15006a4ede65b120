"""How a job is found: in the projection, in Redis when that is ahead, or as accepted only."""

import asyncio
import logging
from contextlib import suppress

from redis.exceptions import RedisError

from projector import queries, submissions
from projector.submissions import Submission
from streams.errors import SchemaTooNew
from streams.job import Job
from web.backends import PATIENCE_S
from web.call import Call, Web
from web.errors import NotFound
from web.views import JobView, accepted_view, job_view

log = logging.getLogger(__name__)

SETTLED = frozenset({"succeeded", "failed", "cancelled", "blocked"})
"""Statuses in which a job waits for nobody but a person."""
SETTLING = frozenset({"job.succeeded", "job.failed", "job.cancelled", "stage.parked"})


async def found(web: Web, job_id: str, tenant: str) -> Job | Submission:
    """The job as it is now: what the caller wrote is seen, though the projection be behind.

    Raises:
        NotFound: this tenant has no such job.
    """
    async with web.backends.reading() as connection:
        projected = await queries.job(connection, job_id, tenant=tenant)
        if projected is not None and (projected.erased or not web.hub.live):
            return projected
        submission = None
        if projected is None:
            submission = await submissions.find(connection, job_id, tenant)
    newest = max(
        (projected, await _in_redis(web, job_id, tenant)), key=lambda job: job.rev if job else -1
    )
    if newest is not None:
        return newest
    if submission is not None:
        return submission
    raise unknown(job_id)


async def found_view(call: Call, job_id: str) -> JobView:
    """The same, as the API shows it."""
    job = await found(call.web, job_id, call.tenant)
    return job_view(job) if isinstance(job, Job) else accepted_view(job)


async def settled_view(call: Call, job_id: str, wait_s: float) -> JobView:
    """The job once it waits for nobody but a person, or as it is after ``wait_s`` seconds."""
    hub = call.web.hub
    if wait_s <= 0 or hub.point is None:
        return await found_view(call, job_id)
    with hub.subscribe(job=job_id, tenant=call.tenant) as reader, suppress(TimeoutError):
        async with asyncio.timeout(wait_s):
            while not reader.closed:
                reader.attach()
                view = await found_view(call, job_id)
                if view.status in SETTLED:
                    return view
                async for told in reader:
                    if told.event.type in SETTLING:
                        break
    return await found_view(call, job_id)


async def _in_redis(web: Web, job_id: str, tenant: str) -> Job | None:
    if not web.hub.live:
        return None
    try:
        async with asyncio.timeout(PATIENCE_S):
            job = await web.backends.ledger.load(job_id)
    except (RedisError, OSError, SchemaTooNew) as error:
        log.warning("job %s is shown as projected: %s", job_id, error)
        return None
    return job if job is not None and job.tenant == tenant else None


def unknown(job_id: str) -> NotFound:
    """The answer for a job that this tenant does not have."""
    return NotFound(f"There is no job {job_id}. GET /v1/jobs lists those that there are.")
