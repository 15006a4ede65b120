"""Every way in which the API says no, as one tree, and each as problem+json (RFC 9457).

WebError
├── BadRequest 400      the request cannot be read
├── Unauthorized 401    no key, or none that counts (any more)
├── Forbidden 403       whoever asks may not do that
├── CrossSite 403       a page of another site sent it
├── NotFound 404        there is no such thing, or not yet
├── NotAllowed 405      not with this method
├── Clash 409           it does not fit the state of the job
├── Gone 410            it was erased
├── Unmet 412           the client speaks another version of a protocol
├── TooLarge 413        over a limit
├── WrongMedia 415      a body of another kind is wanted
├── OutOfRange 416      no byte of it lies in the range that is asked for
├── Misdirected 421     the Host header names a host that is not served here
├── Unprocessable 422   readable, but nobody here can do it
├── TooMany 429         too many wrong keys came from that address
├── Internal 500        our fault
├── Off 501             this stack has not what it takes; the message says what
├── Betrayed 502        the object store does not give what it was given
├── Away 503            a server behind this one is away; try again
├── Unserved 503        no engine that is up does what is asked for
└── Full 507            a server behind this one has no room left
"""

import errno
from typing import ClassVar

import aiohttp
import msgspec
from asyncpg import DiskFullError, PostgresError
from botocore.exceptions import BotoCoreError, ClientError
from redis.exceptions import OutOfMemoryError, RedisError, ResponseError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from projector.errors import IdempotencyMismatch, ProjectorError, SqlOff, SqlRefused
from streams.errors import (
    ArtifactCorrupt,
    ArtifactMissing,
    InvalidRequest,
    NoEngine,
    Refused,
    StreamsError,
    UnknownJob,
)

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Problem(msgspec.Struct, frozen=True):
    """The body of every answer that is an error."""

    type: str
    title: str
    status: int
    detail: str


class WebError(Exception):
    """An answer that is an error; the message is its detail and names the cure."""

    status: ClassVar[int] = 500
    name: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong here"
    headers: ClassVar[dict[str, str]] = {}


class BadRequest(WebError):
    """The request cannot be read."""

    status, name, title = 400, "bad-request", "The request cannot be read"


class Unauthorized(WebError):
    """No key came with the request, or none that counts (any more)."""

    status, name, title = 401, "unauthorized", "A key is wanted"
    headers: ClassVar[dict[str, str]] = {"WWW-Authenticate": "Bearer"}


class Forbidden(WebError):
    """It is known who asks, and that they may not."""

    status, name, title = 403, "forbidden", "Not allowed"


class CrossSite(WebError):
    """A page of another site sent the request."""

    status, name, title = 403, "cross-site", "Requests of other sites are refused"


class NotFound(WebError):
    """There is no such thing, or not yet."""

    status, name, title = 404, "not-found", "Not found"


class NotAllowed(WebError):
    """The path is served, but not with this method."""

    status, name, title = 405, "method-not-allowed", "Method not allowed"


class Clash(WebError):
    """The request does not fit the state that the job is in."""

    status, name, title = 409, "conflict", "It does not fit the state of the job"


class Gone(WebError):
    """It was there and has been erased."""

    status, name, title = 410, "gone", "It was erased"


class Unmet(WebError):
    """The client speaks another version of a protocol."""

    status, name, title = 412, "precondition-failed", "Another version of the protocol is spoken"


class TooLarge(WebError):
    """Over a limit, which the message names."""

    status, name, title = 413, "too-large", "Too large"


class WrongMedia(WebError):
    """A body of another media type is wanted."""

    status, name, title = 415, "unsupported-media-type", "Another media type is wanted"


class OutOfRange(WebError):
    """No byte lies in the range that is asked for."""

    status, name, title = 416, "range-not-satisfiable", "The range is beyond the end"


class Misdirected(WebError):
    """The Host header names a host that is not served here."""

    status, name, title = 421, "misdirected", "This host is not served here"


class Unprocessable(WebError):
    """The request is readable, but asks for what nobody here can do."""

    status, name, title = 422, "unprocessable", "Nobody here can do that"


class TooMany(WebError):
    """Too many wrong keys came from an address."""

    status, name, title = 429, "too-many", "Too many wrong keys"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "60"}


class Off(WebError):
    """This stack has not what it takes."""

    status, name, title = 501, "off", "It is not offered here"


class Betrayed(WebError):
    """The object store does not have what it was given: perhaps for a moment, perhaps for good."""

    status, name, title = 502, "store", "The object store does not give what it was given"
    headers: ClassVar[dict[str, str]] = {"Retry-After": str(RETRY_AFTER_S)}


class Away(WebError):
    """A server behind this one is away for a moment."""

    status, name, title = 503, "unavailable", "A server is away; try again soon"
    headers: ClassVar[dict[str, str]] = {"Retry-After": str(RETRY_AFTER_S)}


class Unserved(WebError):
    """No engine that is up does what is asked for: start one, or ask to wait for it."""

    status, name, title = 503, "no-engine", "No engine here does that now"
    headers: ClassVar[dict[str, str]] = {"Retry-After": "30"}


class Full(WebError):
    """A server behind this one has no room left: somebody has to make some."""

    status, name, title = 507, "full", "No room is left; make some and try again"
    headers: ClassVar[dict[str, str]] = {"Retry-After": str(RETRY_AFTER_S)}


class Internal(WebError):
    """Our fault; the log has the trace."""


_BY_STATUS: dict[int, type[WebError]] = {
    kind.status: kind
    for kind in WebError.__subclasses__()
    if kind not in {Internal, Unserved, CrossSite}
}


_ANSWERS: tuple[tuple[type[Exception], type[WebError], str], ...] = (
    (UnknownJob, NotFound, "{error}"),
    (Refused, Clash, "{error}"),
    (NoEngine, Unserved, "{error}"),
    (InvalidRequest, Unprocessable, "{error}"),
    (IdempotencyMismatch, Unprocessable, "{error}"),
    (SqlRefused, BadRequest, "Postgres says: {error}"),
    (SqlOff, Off, "SQL is off here: {error}. docs/analytics.md says how it comes on."),
    (ArtifactMissing, Betrayed, "{error}: if it stays so, put it back from a backup."),
    (ArtifactCorrupt, Betrayed, "{error}: if it stays so, put it back from a backup."),
    (StreamsError, Away, "The event log cannot be written now: {error}"),
    (ProjectorError, Away, "The projection cannot serve now: {error}"),
    (ClientDisconnect, BadRequest, "The client went away before the request was complete."),
    (TimeoutError, Away, "A server behind this one did not answer in time; try again soon."),
    (RedisError, Away, "Redis is away or not ready; try again soon."),
    (SQLAlchemyError, Away, "Postgres is away or not ready; try again soon."),
    (PostgresError, Away, "Postgres is away or not ready; try again soon."),
    (ClientError, Away, "The object store is away or not ready; try again soon."),
    (aiohttp.ClientError, Away, "The object store broke off its answer; try again soon."),
    (BotoCoreError, Away, "The object store is away or not ready; try again soon."),
    (OSError, Away, "A server behind this one cannot be reached; try again soon."),
)
"""Kind of error, the answer that it is, and its words; the first that fits counts."""


def translate(error: Exception) -> WebError:
    """Any error that may leave a handler, as the answer that it is."""
    if isinstance(error, WebError):
        return error
    if isinstance(error, HTTPException):
        return _BY_STATUS.get(error.status_code, BadRequest)(error.detail)
    if full := _full(error):
        return Full(f"{full} is full: make room there; nothing that was accepted is lost.")
    for kind, answer, words in _ANSWERS:
        if isinstance(error, kind):
            text = str(error) or " ".join((kind.__doc__ or "").split())
            return answer(words.format(error=text))
    return Internal("The log of the web process has the details.")


def _full(error: BaseException) -> str | None:
    """Which place is full, when that is what a server says."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        error = error.orig.__cause__ or error
    reply = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    places = {
        "The disk of the object store": reply.get("HTTPStatusCode") == 507,
        "The disk of Postgres": isinstance(error, DiskFullError),
        "The memory of Redis": isinstance(error, OutOfMemoryError),
        "The disk of Redis": isinstance(error, ResponseError) and "MISCONF" in str(error),
        "The disk of the web process": isinstance(error, OSError) and error.errno in NO_ROOM,
    }
    return next((place for place, full in places.items() if full), None)


def render(error: WebError) -> Response:
    """The answer on the wire."""
    problem = Problem(
        type=f"urn:dalston:problem:{error.name}",
        title=error.title,
        status=error.status,
        detail=str(error) or error.title,
    )
    return Response(
        msgspec.json.encode(problem), error.status, headers=error.headers, media_type=MEDIA_TYPE
    )
