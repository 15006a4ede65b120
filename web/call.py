"""One call of the API: the request, the servers behind, and its parameters parsed and typed."""

import re
from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from streams.ids import is_id
from web.auth import Door
from web.backends import Backends
from web.callers import Caller, Need
from web.errors import BadRequest, NotFound
from web.hub import Hub
from web.metrics import Metrics
from web.uploads import Receiver
from web.watch import Watch

Q = TypeVar("Q", bound=msgspec.Struct)

LONGEST_WAIT_S = 60.0
BODY_LIMIT = 64 * 1024
SHARE, TICKET = "share", "ticket"
"""Parameters that say who asks: of links to one job, and of sockets."""
Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
"""A place in the log, as far as Postgres counts."""
_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,4}(?:\.\d+)?)\"?")


@dataclass(frozen=True)
class Web:
    """What every handler may use."""

    backends: Backends
    hub: Hub
    receiver: Receiver
    metrics: Metrics
    door: Door
    watch: Watch


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the API's table: what is served, and its documentation."""

    method: str
    path: str
    handler: "Handler"
    summary: str
    tag: str
    answers: dict[int, Any]
    """Status → type of the JSON body, a media type, or None for no body."""
    query: type[msgspec.Struct] | None = None
    body: Any = None
    """Type of the JSON body, "form", or the media type of what is no JSON."""
    headers: Mapping[str, str] = {}
    """Request headers that mean something here."""
    scope: Need
    """What whoever asks must be allowed to; "any" is any key, None is nobody in particular."""
    shared: bool = False
    """Whether a link to the job of the path (``?share=``) is as good as a key."""
    patient: bool = False
    """Whether it may take long: uploads, and streams without end."""


@dataclass(frozen=True)
class Call:
    """A request to one route."""

    web: Web
    request: Request
    route: Route
    caller: Caller

    @property
    def tenant(self) -> str:
        """Whose request it is."""
        return self.caller.tenant

    @property
    def job_id(self) -> str:
        """The id in the path.

        Raises:
            NotFound: it has not the form of one.
        """
        return checked_id(self.request.path_params["id"])

    def query(self, kind: type[Q]) -> Q:
        """The parameters after the question mark."""
        assert kind is self.route.query, "the table of routes documents another query"
        return parse_query(kind, self.request, apart={SHARE} if self.route.shared else set())

    async def body(self, kind: type[Q]) -> Q:
        """A small JSON body; an empty one is all defaults."""
        assert kind is self.route.body, "the table of routes documents another body"
        data = b""
        async for chunk in self.request.stream():
            data += chunk
            if len(data) > BODY_LIMIT:
                raise BadRequest(f"The body has over {BODY_LIMIT} bytes.")
        try:
            return msgspec.json.decode(data or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest(f"The JSON body does not fit: {error}") from None

    def waits_s(self) -> float:
        """How long the client wants the answer held (``Prefer: wait=N`` or ``?wait=N``)."""
        text = self.request.query_params.get("wait", "")
        found = _WAIT.search(self.request.headers.get("prefer", ""))
        if not text and found:
            text = found[1]
        if not text:
            return 0.0
        try:
            seconds = float(text)
        except ValueError:
            seconds = -1.0
        if not 0 <= seconds <= LONGEST_WAIT_S:
            raise BadRequest(f"'wait' takes 0 to {LONGEST_WAIT_S:.0f} seconds, not {text[:20]!r}.")
        return seconds


Handler = Callable[[Call], Awaitable[Response]]


def checked_id(text: str) -> str:
    """The text when it has the form of a job's id."""
    if not is_id(text):
        raise NotFound(f"There is no job {text[:40]!r}: an id has 26 letters and digits.")
    return text


def parse_query(kind: type[Q], request: HTTPConnection, *, apart: Set[str] = frozenset()) -> Q:
    """The query of a request as a typed value.

    Args:
        apart: parameters that say who asks, and not what for.

    Raises:
        BadRequest: an unknown parameter, or one of a wrong type or out of range.
    """
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    given = {name: text for name, text in request.query_params.items() if name not in apart}
    for name in given:
        if name not in fields:
            raise BadRequest(f"Unknown parameter {name[:40]!r}. There are: {', '.join(fields)}.")
    for name, text in given.items():
        try:
            msgspec.convert(text, fields[name].type, strict=False)
        except msgspec.ValidationError as error:
            raise BadRequest(f"Parameter {name!r} does not take {text[:40]!r}: {error}") from None
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"The parameters do not fit: {error}") from None


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A typed value as the answer."""
    data = msgspec.json.encode(value)
    return Response(data, status, headers=headers, media_type="application/json")
