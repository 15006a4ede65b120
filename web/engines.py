"""The handlers of engines and of search."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from projector import queries
from streams.pipeline import DEFAULT_ENGINES
from streams.registry import Announcement
from streams.work import Queue
from web.call import Call, json
from web.views import EngineList, EngineView, HitList, HitView


class SearchQuery(msgspec.Struct, frozen=True):
    """Words, ``"a phrase"``, ``or``, ``-without``."""

    q: Annotated[str, Meta(min_length=1, max_length=500)]
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


async def listed(call: Call) -> Response:
    """GET /v1/engines."""
    backends = call.web.backends
    stages = {engine: stage for stage, engine in DEFAULT_ENGINES.items()}
    replicas: dict[str, list[Announcement]] = {engine: [] for engine in stages}
    for one in await backends.registry.alive():
        stages[one.engine] = one.stage
        replicas.setdefault(one.engine, []).append(one)
    views = []
    for name, there in replicas.items():
        depth = await Queue(backends.redis, backends.ledger, name).depth()
        views.append(EngineView(name=name, stage=stages[name], replicas=there, queue=depth))
    return json(EngineList(views))


async def search(call: Call) -> Response:
    """GET /v1/search."""
    query = call.query(SearchQuery)
    async with call.web.backends.reading() as connection:
        hits = await queries.search(connection, tenant=call.tenant, text=query.q, limit=query.limit)
    return json(HitList([msgspec.convert(hit, HitView, from_attributes=True) for hit in hits]))
