"""Accepting a job: audio to the store, one row in Postgres, the first events, the answer."""

import asyncio
import hashlib
import logging
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from redis.exceptions import RedisError
from starlette.responses import Response

from projector import pending, queries, submissions
from projector.errors import IdempotencyMismatch
from projector.submissions import Submission
from streams.errors import StreamsError
from streams.events import Artifact, JobRequest
from streams.ids import is_id, new_id
from streams.offers import Offer
from streams.pipeline import plan
from web import resume
from web.backends import PATIENCE_S
from web.call import Call, json
from web.errors import BadRequest, Gone, Unprocessable
from web.finding import settled_view
from web.uploads import Resumed, Upload
from web.views import JobView, accepted_view, job_view

log = logging.getLogger(__name__)

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


async def create(call: Call) -> Response:
    """POST /v1/jobs."""
    key, wait_s = idempotency_key(call), call.waits_s()
    await _ready(call)
    offered = await offers_now(call)
    job_id = new_id()
    sent = await call.web.receiver.receive(
        call.request, job_id, lambda request: _check(request, offered)
    )
    if isinstance(sent, Resumed):
        view, fresh = await _resumed(call, sent, key, offered)
    else:
        call.web.metrics.uploaded.inc(sent.source.bytes)
        view, fresh = await accepted(call, submission(call, job_id, sent, key), offered)
    if wait_s:
        view = await settled_view(call, view.id, wait_s)
    return json(view, 202 if fresh else 200, {"Location": f"/v1/jobs/{view.id}"})


async def _resumed(
    call: Call, sent: Resumed, key: str | None, offered: Sequence[Offer]
) -> tuple[JobView, bool]:
    """The job of an upload that came part by part; of one that has its job already, that one."""
    if not is_id(sent.upload):
        raise resume.unknown(sent.upload)
    async with call.web.backends.reading() as connection:
        before = await submissions.find(connection, sent.upload, call.tenant)
    if before is not None:
        _check_same(before, sent.request)
        return await _submitted(call, before, offered), False
    found, source = await resume.whole(call, sent.upload)
    wanted = submission(call, found.id, Upload(sent.request, found.filename, source), key)
    return await accepted(call, wanted, offered, resumed=True)


def _check_same(before: Submission, request: JobRequest) -> None:
    if not before.fingerprint:
        raise Gone(f"Upload {before.id} became a job, which was erased.")
    if before.fingerprint != _fingerprint(before.source, request):
        raise Unprocessable(
            f"Upload {before.id} became a job of other options already: retry that job with "
            "these, or send exactly the same request."
        )


def idempotency_key(call: Call) -> str | None:
    """The key by which the client marks one and the same request.

    Raises:
        BadRequest: it is empty, too long, or not plain ASCII.
    """
    key = call.request.headers.get("idempotency-key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadRequest("The header Idempotency-Key takes 1 to 255 visible ASCII characters.")
    return key


async def offers_now(call: Call) -> list[Offer]:
    """What the engines that are up take; nothing is known while Redis is away."""
    if not call.web.hub.live:
        return []
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await call.web.backends.registry.offers()
    except (RedisError, OSError) as error:
        log.warning("the registry cannot be read, so requests are not checked: %s", error)
        return []


def submission(
    call: Call, job_id: str, upload: Upload, key: str | None, again_from: str | None = None
) -> Submission:
    """What is kept of an upload."""
    return Submission(
        id=job_id,
        tenant=call.tenant,
        idempotency_key=key,
        fingerprint=_fingerprint(upload.source, upload.request),
        filename=upload.filename,
        source=upload.source,
        request=upload.request,
        again_from=again_from,
        accepted_at=datetime.now(UTC),
    )


async def accepted(
    call: Call, wanted: Submission, offered: Sequence[Offer], *, resumed: bool = False
) -> tuple[JobView, bool]:
    """Keep a submission and commit its first events; (the job of before, False) for a used key.

    Once the row is written the job is accepted, whatever happens to Redis. An upload that was
    ``resumed`` ends with it: whoever ends that has its audio, and nobody else deletes it.
    """
    mine = not resumed
    limit = call.web.backends.settings.read_timeout_s
    try:
        async with asyncio.timeout(limit), call.web.backends.writing() as connection:
            kept, fresh = await submissions.accept(connection, wanted)
            if resumed:
                mine = await pending.end(connection, wanted.id, wanted.tenant) is not None
            if fresh and not mine:  # terminated while its last bytes were read
                raise resume.unknown(wanted.id)
    except IdempotencyMismatch:
        if mine:
            await call.web.receiver.discard(wanted.id)
        raise
    if fresh:
        call.web.metrics.jobs.inc()
    elif kept.id != wanted.id and mine:
        await call.web.receiver.discard(wanted.id)
    return await _submitted(call, kept, offered), fresh


async def _submitted(call: Call, kept: Submission, offered: Sequence[Offer]) -> JobView:
    asked = time.monotonic()
    async with call.web.backends.reading() as connection:
        projected = await queries.job(connection, kept.id, tenant=kept.tenant)
    if projected is not None:
        return job_view(projected)
    try:
        async with asyncio.timeout(PATIENCE_S):
            committed = await submissions.submit(
                call.web.backends.ledger, kept, offered, asked=asked
            )
    except (RedisError, StreamsError, OSError) as error:
        # TimeoutError is an OSError. The row is enough: the projector's timer submits it again.
        log.warning("job %s is accepted, its events follow: %s", kept.id, error)
        return accepted_view(kept)
    return job_view(committed.job) if committed.job else accepted_view(kept)


async def _ready(call: Call) -> None:
    """Say now, not after gigabytes, that nothing can be accepted."""
    limit = call.web.backends.settings.read_timeout_s
    async with asyncio.timeout(limit), call.web.backends.reading() as connection:
        await queries.checkpoint(connection)


def _check(request: JobRequest, offered: Sequence[Offer]) -> None:
    plan(request, offered)


def _fingerprint(source: Artifact, request: JobRequest) -> str:
    canonical = msgspec.json.encode(request, order="deterministic")
    return hashlib.sha256(source.sha256.encode() + b"\n" + canonical).hexdigest()
