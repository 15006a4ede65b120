"""The application: routes from the table, around them errors, measures and the guard."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any, cast

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.routing import Route as StarletteRoute
from starlette.websockets import WebSocket

from streams import tasks
from web import events, openapi, page, shares
from web.auth import Door
from web.backends import opened
from web.call import LONGEST_WAIT_S, SHARE, Call, Route, Web
from web.callers import Caller
from web.errors import Internal, render, translate
from web.first import begin
from web.guard import Guard, Timed
from web.hub import Hub
from web.metrics import Metrics
from web.routes import FOLLOW, ROUTES, SOCKET
from web.settings import WebSettings, wants_keys
from web.uploads import Receiver
from web.watch import Watch

log = logging.getLogger(__name__)


def build(settings: WebSettings) -> Starlette:
    """The application for these settings; its servers need not be there yet."""
    wants_keys(settings)
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with opened(settings) as backends:
            hub = Hub(backends)
            receiver = Receiver(backends.artifacts, settings)
            watch, door = Watch(backends), Door(backends)
            app.state.web = Web(backends, hub, receiver, metrics, door, watch)
            running = [
                asyncio.create_task(one) for one in (hub.run(), watch.run(), begin(backends))
            ]
            yield
            hub.close()
            await tasks.end(*running)

    return Starlette(
        routes=_routes(),
        lifespan=lifespan,
        middleware=[Middleware(Timed, metrics), Middleware(Guard, settings)],
        exception_handlers={Exception: _answer, 404: _lost, 405: _answer},
    )


def _routes() -> list[BaseRoute]:
    return [
        *(_endpoint(route) for route in ROUTES),
        WebSocketRoute(SOCKET, _socket),
        StarletteRoute("/openapi.json", openapi.serve),
        *page.ROUTES,
    ]


def _endpoint(route: Route) -> StarletteRoute:
    async def endpoint(request: Request) -> Response:
        request.scope["dalston.route"] = route.path
        web = _web(request.app)
        try:
            async with asyncio.timeout(web.backends.settings.read_timeout_s):
                caller = await _caller(web, request, route)
            call = Call(web, request, route, caller)
            async with asyncio.timeout(_limit_s(call)), _bound(call):
                answer = await route.handler(call)
                if call.waits_s() > 0:  # long enough for a key to be revoked meanwhile
                    await _caller(web, request, route)
                return answer
        except Exception as error:  # noqa: BLE001 - the rim of every request: any error is an answer
            return await _answer(request, error)

    return StarletteRoute(route.path, endpoint, methods=[route.method])


async def _caller(web: Web, request: Request, route: Route) -> Caller:
    """Who asks: a link to the job is as good as a key, where the route says so."""
    if route.shared and SHARE in request.query_params:
        return await shares.caller(web.backends, request)
    return await web.door.caller(request, route.scope)


def _limit_s(call: Call) -> float | None:
    """Seconds after which a server that says nothing is taken to be away."""
    if call.route.patient:
        return None
    return call.web.backends.settings.read_timeout_s + min(call.waits_s(), LONGEST_WAIT_S)


def _bound(call: Call) -> AbstractAsyncContextManager[None]:
    """What may take long ends with the key; all else is over sooner."""
    return call.web.watch.bound(call.caller) if call.route.patient else nullcontext()


async def _socket(websocket: WebSocket) -> None:
    await events.socket(websocket, _web(websocket.app), FOLLOW.scope)


async def _answer(request: Request, error: Exception) -> Response:
    answer = translate(error)
    if isinstance(answer, Internal):
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    elif answer.status >= 500:
        log.warning("%s %s: %s (%r)", request.method, request.url.path, answer, error)
    return render(answer)


async def _lost(request: Request, error: Exception) -> Response:
    """A person who looks for a page that is none gets the page, which says so."""
    reads = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if reads and not request.url.path.startswith("/v1/"):
        return await page.serve(request, 404)
    return await _answer(request, error)


def _web(app: Any) -> Web:
    return cast("Web", app.state.web)
