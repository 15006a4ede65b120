"""The handlers of parked stages: show them, and let them go on."""

import logging
import re
from typing import Annotated

import msgspec
from msgspec import Meta
from redis.exceptions import OutOfMemoryError
from starlette.responses import Response

from projector import parked as projected
from projector.database import AWAY as POSTGRES_AWAY
from projector.parked import Parked
from projector.restore import restore_job
from streams import decide
from streams.connection import AWAY as REDIS_AWAY
from streams.errors import LogMissing, Refused
from streams.ids import is_id
from web.call import Call, json
from web.errors import BadRequest
from web.parked_views import Named, ParkedList, ParkedView, Retried, RetryBody

log = logging.getLogger(__name__)

PAGE = 200
"""Stages that are looked up at once while all are retried."""
REASON = 300
"""Characters of a reason in an answer."""
_PLACE = re.compile(r"([^:]+):([a-z_]{1,64})")


class ParkedQuery(msgspec.Struct, frozen=True):
    """A page of parked stages, of one engine or stage; ``before``: ``next`` of the one before."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50
    before: Annotated[str, Meta(max_length=100)] | None = None
    engine: Named | None = None
    stage: Named | None = None


async def listed(call: Call) -> Response:
    """GET /v1/parked."""
    query = call.query(ParkedQuery)
    before = _place(query.before) if query.before else None
    async with call.web.backends.reading() as connection:
        found = await projected.parked(
            connection, tenant=call.tenant, limit=query.limit + 1, before=before,
            engine=query.engine, stage=query.stage,
        )  # fmt: skip
    shown = found[: query.limit]
    more = f"{shown[-1].job.id}:{shown[-1].stage}" if len(found) > len(shown) else None
    return json(ParkedList([view(one) for one in shown], more))


async def retry(call: Call) -> Response:
    """POST /v1/parked/retry: one after the other; one that cannot be retried stops no other."""
    body = await call.body(RetryBody)
    retried: set[str] = set()
    failed: dict[str, str] = {}
    before: tuple[str, str] | None = None
    while True:
        async with call.web.backends.reading() as connection:
            page = await projected.parked(
                connection, tenant=call.tenant, limit=PAGE, before=before, engine=body.engine,
                stage=body.stage,
            )  # fmt: skip
        for one in page:
            try:
                if await _unpark(call, one):
                    retried.add(one.job.id)
            except (*REDIS_AWAY, *POSTGRES_AWAY, LogMissing, OutOfMemoryError):
                raise  # it concerns all; what has gone on goes on, and the rest is asked again
            except Exception as error:
                log.exception("%s of job %s cannot be retried", one.stage, one.job.id)
                failed[one.job.id] = f"{one.job.id}: {error}"[:REASON]
        if len(page) < PAGE:
            break
        before = (page[-1].job.id, page[-1].stage)
    return json(Retried(len(retried), len(failed), next(iter(failed.values()), "")))


async def _unpark(call: Call, one: Parked) -> bool:
    """Whether the stage goes on; False when it does already, for the projection is a bit behind."""
    backends = call.web.backends
    async with backends.reading() as connection:
        job = await restore_job(backends.ledger, connection, one.job.id)
    try:
        await backends.ledger.transition(
            one.job.id,
            lambda job, now: decide.unpark(job, stage=one.stage, now=now),
            known=job,
            meta=call.caller.signature,
        )
    except Refused:
        return False
    return True


def view(one: Parked) -> ParkedView:
    """A parked stage as the API shows it."""
    node, stage = one.job.planned(one.stage), one.job.stages[one.stage]
    asked = node.options.get("model")
    return ParkedView(
        job=one.job.id,
        filename=one.job.filename,
        stage=one.stage,
        engine=node.engine,
        model=stage.usage.model or (str(asked) if asked else None),
        kind=stage.kind,
        reason=stage.reason,
        failed=stage.failed,
        lost=stage.lost,
        preempted=stage.preempted,
        parked_at=stage.ended_at,
        request=one.job.request,
    )


def _place(text: str) -> tuple[str, str]:
    found = _PLACE.fullmatch(text)
    if found is None or not is_id(found[1]):
        raise BadRequest(f"'before' takes the 'next' of the page before, not {text[:40]!r}.")
    return found[1], found[2]
