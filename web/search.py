"""The handler of search."""

from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from projector import queries
from web.call import Call, json
from web.views import HitList, HitView


class SearchQuery(msgspec.Struct, frozen=True):
    """Words, ``"a phrase"``, ``or``, ``-without``."""

    q: Annotated[str, Meta(min_length=1, max_length=500)]
    limit: Annotated[int, Meta(ge=1, le=100)] = 20


async def search(call: Call) -> Response:
    """GET /v1/search."""
    query = call.query(SearchQuery)
    async with call.web.backends.reading() as connection:
        hits = await queries.search(connection, tenant=call.tenant, text=query.q, limit=query.limit)
    return json(HitList([msgspec.convert(hit, HitView, from_attributes=True) for hit in hits]))
