"""The live log to a reader: as a websocket, and the same as server-sent events."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection
from starlette.responses import Response, StreamingResponse
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from streams import tasks
from web.call import TICKET, Call, Seq, Web, checked_id, parse_query
from web.callers import Caller, Need
from web.errors import BadRequest, render, translate
from web.feed import Feed, Request
from web.finding import found
from web.hub import Told
from web.messages import Notice, Snapshot
from web.tail import Point

log = logging.getLogger(__name__)

HEARTBEAT_S = 15.0
STREAM = "text/event-stream"
GOING, LATER = 1012, 1013
"""Close codes: the server restarts, or a server behind it is away. Reconnect with the cursor."""
KEYLESS = 1008
"""Close code: the key that opened the socket does not count any more."""
CLOSE_S = 1.0


class FeedQuery(msgspec.Struct, frozen=True):
    """Which events: of one job; after ``(epoch, seq)``, best with the ``id`` of the event there;
    or from ``from`` without a snapshot."""

    job: Annotated[str, Meta(min_length=26, max_length=26)] | None = None
    epoch: Seq | None = None
    seq: Seq | None = None
    id: Annotated[str, Meta(max_length=40)] = ""
    first: Seq | None = msgspec.field(default=None, name="from")


async def socket(websocket: WebSocket, web: Web, need: Need) -> None:
    """GET /v1/events as a websocket, to whoever may do what it needs."""
    try:
        async with asyncio.timeout(web.backends.settings.read_timeout_s):
            _ = websocket.query_params  # which are kept once read
            websocket.scope["query_string"] = b""  # uvicorn logs it, and it may hold a ticket
            caller = await web.door.caller(websocket, need)
            query = parse_query(FeedQuery, websocket, apart={TICKET})
            request = _asked(query, websocket, caller)
            await _check(web, request)
    except Exception as error:  # noqa: BLE001 - the rim of a handshake: any error is an answer
        await websocket.send_denial_response(render(translate(error)))
        return
    await websocket.accept()
    talk = asyncio.ensure_future(_talk(websocket, Feed(web.backends, web.hub, request)))
    listen = asyncio.ensure_future(_listen(websocket))
    with web.watch.over(caller) as over:
        await asyncio.wait({talk, listen, over}, return_when=asyncio.FIRST_COMPLETED)
    await tasks.end(talk, listen)
    if over.done() and websocket.application_state == WebSocketState.CONNECTED:
        with suppress(WebSocketDisconnect, RuntimeError, TimeoutError):
            async with asyncio.timeout(CLOSE_S):  # who does not read is not waited for
                await websocket.close(KEYLESS, "the key was revoked, or has expired")


async def _check(web: Web, request: Request) -> None:
    """Raise when the job is not there, or when there is nothing to follow yet."""
    await web.hub.ready()
    if request.job is not None:
        await found(web, request.job, request.tenant)


async def _talk(websocket: WebSocket, feed: Feed) -> None:
    """Send until the reader goes, the process stops, or a server is away."""
    code, reason = GOING, "the server restarts: resume with the last epoch and seq"
    try:
        async for item in feed.messages():
            await websocket.send_text(item.message if isinstance(item, Told) else _written(item))
            del item  # a snapshot is large, and the next message may be long in coming
    except (WebSocketDisconnect, RuntimeError):
        return
    except (RedisError, SQLAlchemyError, OSError) as error:
        log.warning("a socket is closed: %s", error)
        code, reason = LATER, "a server is away: resume with the last epoch and seq"
    await websocket.close(code, reason)


async def _listen(websocket: WebSocket) -> None:
    """Nothing that a reader sends means anything; only that it goes is of interest."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass


async def stream(call: Call) -> Response:
    """GET /v1/events as server-sent events."""
    request = _asked(call.query(FeedQuery), call.request, call.caller)
    async with asyncio.timeout(call.web.backends.settings.read_timeout_s):
        await _check(call.web, request)
    feed = Feed(call.web.backends, call.web.hub, request)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_lines(call, feed), headers=headers, media_type=STREAM)


async def _lines(call: Call, feed: Feed) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    try:
        with call.web.watch.over(call.caller) as over:
            async for item in with_pauses(feed.messages(), HEARTBEAT_S, over):
                yield _block(item) if item is not None else ": still here\n\n"
                del item
    except (RedisError, SQLAlchemyError, OSError) as error:
        # The stream ends; the client comes back with its Last-Event-ID.
        log.warning("a stream is ended: %s", error)


def _block(item: Told | Notice) -> str:
    """A message as a block of the stream; its id is where to resume."""
    match item:
        case Told(event=event):
            place = f"{event.epoch}-{event.seq}-{event.id}"
            return f"id: {place}\nevent: event\ndata: {item.message}\n\n"
        case Snapshot(epoch=epoch, seq=seq):
            head = f"id: {epoch}-{seq}\n"
        case _:
            head = ""
    name = item.__struct_config__.tag
    return f"{head}event: {name}\ndata: {_written(item)}\n\n"


def _written(notice: Notice) -> str:
    return msgspec.json.encode(notice).decode()


async def with_pauses(
    items: AsyncIterator[Told | Notice], seconds: float, over: asyncio.Future[None]
) -> AsyncIterator[Told | Notice | None]:
    """The items until it is over, and None whenever none came for so long."""
    coming: asyncio.Future[Told | Notice] | None = None
    try:
        while True:
            coming = coming or asyncio.ensure_future(anext(items))
            either: set[asyncio.Future[Any]] = {coming, over}
            done, _ = await asyncio.wait(
                either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if over.done():
                return
            if not done:
                yield None
                continue
            try:
                item = coming.result()
            except StopAsyncIteration:
                return
            coming = None
            yield item
            del item, done, either
    finally:
        if coming is not None:
            coming.cancel()


def _asked(query: FeedQuery, connection: HTTPConnection, caller: Caller) -> Request:
    """What a reader asks for, by its parameters or by the id of the last event it has.

    Raises:
        BadRequest: half a cursor, or something else in Last-Event-ID.
    """
    if (query.epoch is None) != (query.seq is None):
        raise BadRequest("'epoch' and 'seq' go together: send both to resume, or none.")
    after = None
    last = connection.headers.get("last-event-id", "")
    if last:
        after = _point(last)
    elif query.epoch is not None and query.seq is not None:
        after = Point(query.epoch, query.seq, query.id)
    first = None if after is not None else query.first
    job = checked_id(query.job) if query.job is not None else None
    return Request(tenant=caller.tenant, job=job, after=after, first=first)


def _point(text: str) -> Point:
    epoch, seq, name = [*text.split("-", 2), "", ""][:3]
    if not (epoch.isdecimal() and seq.isdecimal() and len(text) <= 80):
        raise BadRequest(f"Last-Event-ID is EPOCH-SEQ-ID, not {text[:40]!r}.")
    try:
        return Point(msgspec.convert(int(epoch), Seq), msgspec.convert(int(seq), Seq), name)
    except msgspec.ValidationError:
        raise BadRequest(f"Last-Event-ID counts further than any log: {text!r}.") from None
