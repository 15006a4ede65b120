"""The handlers of analytics: the questions that have a name, and any other, by SQL."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from projector import database
from projector.analytics import catalog, reading
from projector.analytics.queries import QUERIES, Bucket, Query, fitting
from projector.analytics.reading import Answer
from streams import tasks
from web import moments
from web.analytics_views import (
    ColumnView,
    QueryList,
    QueryRows,
    QueryView,
    SqlBody,
    SqlColumn,
    SqlRows,
    ViewList,
    ViewView,
)
from web.call import Call, json
from web.errors import Away, BadRequest, Forbidden, NotFound
from web.export import ROWS, export

T = TypeVar("T")

SHOWN = 10_000
"""Rows of an answer as JSON."""
AT_ONCE, OF_ONE = 8, 2
"""Questions that Postgres is asked at once: in all, and of one tenant; others wait their turn."""
PATIENCE_S = 15.0
Name = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Form = Literal["json", "csv", "parquet"]

_all = asyncio.Semaphore(AT_ONCE)
_own: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(OF_ONE))


class RangeQuery(msgspec.Struct, frozen=True):
    """From when to when, in what steps, of which engine, model or stage; and as what.

    Times are RFC 3339, or how long ago: 90m, 24h, 7d. ``all`` adds up what every tenant has done,
    for an admin; questions whose rows hold names or words are each tenant's own.
    """

    since: Annotated[str, Meta(max_length=40)] = "7d"
    until: Annotated[str, Meta(max_length=40)] = ""
    bucket: Bucket | None = None
    engine: Name = ""
    model: Name = ""
    stage: Name = ""
    format: Form = "json"
    all: bool = False


class FormQuery(msgspec.Struct, frozen=True):
    """As what."""

    format: Form = "json"


async def listed(_: Call) -> Response:
    """GET /v1/analytics."""
    now = datetime.now(UTC)
    week = moments.parse("since", "7d", now)
    return json(QueryList([_shown(query, query.sql(week, now)) for query in QUERIES.values()]))


async def one(call: Call) -> Response:
    """GET /v1/analytics/{query}."""
    wanted, query = call.query(RangeQuery), _known(call.request.path_params["query"])
    now = datetime.now(UTC)
    since = moments.parse("since", wanted.since, now)
    until = moments.parse("until", wanted.until, now) if wanted.until else now
    if since >= until:
        raise BadRequest(f"'since' ({since:%FT%TZ}) is to be before 'until' ({until:%FT%TZ}).")
    bucket = wanted.bucket or fitting(since, until)
    sql = query.sql(
        since, until, bucket,
        engine=wanted.engine, model=wanted.model, stage=wanted.stage,
    )  # fmt: skip

    async def answered(answer: Answer) -> Response:
        if wanted.format != "json":
            return await export(answer, wanted.format, query.name)
        columns = [ColumnView(c.name, c.type, c.unit, c.summary) for c in query.columns]
        rows = [row async for page in answer.pages(SHOWN) for row in page]
        return json(
            QueryRows(query.name, since, until, bucket, sql, columns, rows, answer.truncated)
        )

    if wanted.all and query.words:
        raise Forbidden(
            f"What {query.name} tells is each tenant's own: 'all' is for questions without names."
        )
    return await _ask(call, sql, answered, everybody=wanted.all, ours=True)


async def sql(call: Call) -> Response:
    """POST /v1/sql."""
    wanted, body, began = call.query(FormQuery), await call.body(SqlBody), time.monotonic()

    async def answered(answer: Answer) -> Response:
        if wanted.format != "json":
            return await export(answer, wanted.format, "sql", body.limit or ROWS)
        limit = min(body.limit or 1000, SHOWN)
        rows = [row async for page in answer.pages(limit) for row in page]
        columns = [SqlColumn(column.name, column.type) for column in answer.columns]
        return json(SqlRows(columns, rows, answer.truncated, round(time.monotonic() - began, 4)))

    return await _ask(call, body.sql, answered)


async def views(call: Call) -> Response:
    """GET /v1/sql/views."""
    async with call.web.backends.reading() as connection:
        why = await reading.trouble(await database.raw(connection))
    shown = [
        ViewView(
            view.name,
            view.summary,
            [ColumnView(c.name, c.type, c.unit, c.summary) for c in view.columns],
        )
        for view in catalog.VIEWS
    ]
    return json(ViewList(shown, why))


async def _ask(
    call: Call,
    text: str,
    answered: Callable[[Answer], Awaitable[Response]],
    *,
    everybody: bool = False,
    ours: bool = False,
) -> Response:
    """Ask Postgres as the caller's tenant, and stop when the caller goes away."""
    if everybody and not call.caller.admin:
        raise Forbidden("Only an admin reads what is of all tenants: leave 'all' out.")
    backends = call.web.backends

    async def work() -> Response:
        async with _turn(call.tenant):
            async with backends.reading() as connection:
                login = await reading.login(await database.raw(connection), ours=ours)
            tenant = reading.EVERYBODY if everybody else call.tenant
            dsn = backends.settings.postgres_dsn
            async with reading.asked(dsn, login, text, tenant) as answer:
                return await answered(answer)

    return await _unless_gone(call.request, work())


@asynccontextmanager
async def _turn(tenant: str) -> AsyncIterator[None]:
    """Wait until Postgres may be asked one thing more.

    Raises:
        Away: it did not come to that.
    """
    own = _own[tenant]
    try:
        async with asyncio.timeout(PATIENCE_S):
            await own.acquire()
            try:
                await _all.acquire()
            except BaseException:
                own.release()
                raise
    except TimeoutError:
        raise Away("Too many questions are being answered just now: ask again soon.") from None
    try:
        yield
    finally:
        _all.release()
        own.release()


async def _unless_gone(request: Request, work: Awaitable[T]) -> T:
    """The result of the work, which is given up when its client is gone."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientDisconnect
        return working.result()
    finally:
        await tasks.end(working, gone)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _known(name: str) -> Query:
    if name not in QUERIES:
        raise NotFound(f"There is no question {name[:40]!r}. There are: {', '.join(QUERIES)}.")
    return QUERIES[name]


def _shown(query: Query, text: str) -> QueryView:
    columns = [ColumnView(c.name, c.type, c.unit, c.summary) for c in query.columns]
    return QueryView(query.name, query.title, query.summary, text, columns, list(query.group))
