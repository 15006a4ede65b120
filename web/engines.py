"""The handlers of engines: who is there, what waits for them, and who is to be drained."""

import logging
from collections.abc import Mapping, Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta
from msgspec.structs import replace
from starlette.responses import Response

from projector import parked
from projector.database import AWAY
from projector.parked import Line
from streams.offers import PREFERRED
from streams.pipeline import DEFAULT_ENGINES
from streams.registry import Announcement, drained
from streams.work import Depth, Queue
from web.call import Call, json
from web.errors import NotFound
from web.views import EngineList, EngineView, TenantQueue

T = TypeVar("T")
log = logging.getLogger(__name__)

STAGES = {engine: stage for stage, engines in PREFERRED.items() for engine in engines}


class DrainBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One replica; the whole engine when none is named."""

    replica: Annotated[str, Meta(max_length=200)] | None = None


async def listed(call: Call) -> Response:
    """GET /v1/engines."""
    return json(EngineList(await _views(call)))


async def drain(call: Call) -> Response:
    """POST /v1/engines/{engine}/drain."""
    return await _wish(call, drained=True)


async def resume(call: Call) -> Response:
    """POST /v1/engines/{engine}/resume."""
    return await _wish(call, drained=False)


async def _wish(call: Call, *, drained: bool) -> Response:
    engine, replica = call.request.path_params["engine"], (await call.body(DrainBody)).replica
    there = await _view(call, engine)
    if there is None:
        known = ", ".join(view.name for view in await _views(call))
        raise NotFound(f"There is no engine {engine[:64]!r}. There are: {known}.")
    drains = call.web.backends.registry.drains
    names = {one.replica for one in there.replicas} | set(await drains.all())
    if replica is not None and not (replica in names and replica.startswith(f"{engine}@")):
        has = ", ".join(one.replica for one in there.replicas) or "none that is up"
        raise NotFound(f"{engine} has no replica {replica[:200]!r}. It has: {has}.")
    await drains.put(replica or engine, drained=drained)
    log.info("%s is to be %s", replica or engine, "drained" if drained else "resumed")
    view = await _view(call, engine)
    return json(view or there)


async def _view(call: Call, engine: str) -> EngineView | None:
    """One engine; None when it is neither ours nor up."""
    return next(iter(await _views(call, engine)), None)


async def _views(call: Call, only: str | None = None) -> list[EngineView]:
    """The engines of every job, those that are up, and those that are drained."""
    registry, wishes = call.web.backends.registry, await call.web.backends.registry.drains.all()
    there: dict[str, list[Announcement]] = {engine: [] for engine in DEFAULT_ENGINES.values()}
    for one in await registry.alive():
        there.setdefault(one.engine, []).append(one)
    for engine in (*(name for name, wish in wishes.items() if wish), *([only] if only else [])):
        if engine in STAGES:
            there.setdefault(engine, [])
    if only is not None:
        there = {only: there[only]} if only in there else {}
    lines = await _lines(call)
    mine = await _mine(call, [one for replicas in there.values() for one in replicas])
    views = []
    for name, replicas in there.items():
        depth = await Queue(call.web.backends.redis, call.web.backends.ledger, name).depth()
        waiting = _tenants(depth, [line for line in lines if line.engine == name])
        views.append(
            EngineView(
                name=name,
                stage=replicas[0].stage if replicas else STAGES[name],
                replicas=[_shown(one, mine) for one in replicas],
                queue=replace(depth, tenants=_own(call, depth.tenants)),
                drained=drained(name, replicas, wishes),
                tenants=list(_own(call, waiting).values()),
            )
        )
    return views


async def _lines(call: Call) -> list[Line]:
    """Who waits since when; while Postgres is away nothing is known but what the queues hold."""
    try:
        async with call.web.backends.reading() as connection:
            return await parked.lines(connection)
    except AWAY as error:
        log.warning("since when tasks wait cannot be told now: %s", error)
        return []


def _tenants(depth: Depth, lines: Sequence[Line]) -> dict[str, TenantQueue]:
    """Whose tasks wait: as the queue says, which knows all of the next ones, and the projection,
    which counts all but is a bit behind."""
    found = {tenant: TenantQueue(tenant, waiting) for tenant, waiting in depth.tenants.items()}
    for line in lines:
        waiting = max(line.waiting, depth.tenants.get(line.tenant, 0))
        found[line.tenant] = TenantQueue(line.tenant, waiting, line.since)
    return dict(sorted(found.items()))


def _own(call: Call, by_tenant: Mapping[str, T]) -> dict[str, T]:
    """What the caller may see: an admin all tenants, others their own."""
    caller = call.caller
    return {
        tenant: value
        for tenant, value in by_tenant.items()
        if caller.admin or tenant == caller.tenant
    }


async def _mine(call: Call, replicas: Sequence[Announcement]) -> set[str]:
    """The jobs at hand that the caller may know of."""
    jobs = {one.job for one in replicas if one.job}
    if call.caller.admin or not jobs:
        return jobs
    async with call.web.backends.reading() as connection:
        return await parked.own(connection, jobs, tenant=call.tenant)


def _shown(one: Announcement, mine: set[str]) -> Announcement:
    return one if one.job in mine else replace(one, job="", stage_done=0.0)
