"""OpenAPI and AsyncAPI from the table of routes and the types: they cannot drift.

`python -m web.openapi [FOLDER]` writes both documents (docs/api by default).
"""

import argparse
import re
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from streams.events import JobRequest
from web import views
from web.auth import COOKIE
from web.call import SHARE, TICKET, Route
from web.errors import MEDIA_TYPE, Problem, WebError
from web.messages import CaughtUp, EventMessage, FellBehind, Snapshot
from web.routes import ROUTES, SOCKET

REF = "#/components/schemas/{name}"
MESSAGES: tuple[type[msgspec.Struct], ...] = (Snapshot, EventMessage, FellBehind, CaughtUp)
WHOLE = frozenset(
    name
    for name, kind in vars(views).items()
    if isinstance(kind, type)
    and issubclass(kind, msgspec.Struct)
    and kind.__module__ == views.__name__
    and not kind.__struct_config__.omit_defaults
)
"""Answers with all their fields, always: a default is for who asks a web of the release before."""
Json = dict[str, Any]
SCHEMES: Json = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, `dk_…`: of `dalston keys make` or POST /v1/keys.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "Of the page: POST /v1/session. No script can read it.",
    },
    "share": {
        "type": "apiKey",
        "in": "query",
        "name": SHARE,
        "description": "The token of a link to this one job: POST /v1/jobs/{id}/shares.",
    },
}
SOCKET_SCHEMES: Json = {
    "key": {"type": "http", "scheme": "bearer"},
    "ticket": {
        "type": "httpApiKey",
        "in": "query",
        "name": TICKET,
        "description": "Of POST /v1/tickets: it opens one socket, within 30 seconds.",
    },
}
VERSION = "1"
"""Of the API: the release of the program is in /healthz."""


async def serve(_: Request) -> Response:
    """GET /openapi.json."""
    return Response(_encoded(), media_type="application/json")


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


def document() -> Json:
    """The HTTP API as OpenAPI 3.1."""
    paths: Json = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Dalston",
            "version": VERSION,
            "description": "Audio in, transcript out, every fact an event. "
            "Every error is a problem (RFC 9457) whose detail says what is wrong and the cure. "
            "A stack that only its own machine reaches wants no key (`GET /v1/me` says so).",
        },
        "paths": paths,
        "components": {
            "schemas": _schemas([*_types(), Problem, JobRequest]),
            "responses": {"Problem": _problem()},
            "securitySchemes": SCHEMES,
        },
    }


def asyncapi() -> Json:
    """The socket as AsyncAPI 3.0."""
    messages = {
        kind.__name__: {"summary": _summary(kind), "payload": {"$ref": _ref(kind)}}
        for kind in MESSAGES
    }
    query = next(route.query for route in ROUTES if route.path == SOCKET)
    assert query is not None
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Dalston live", "version": VERSION},
        "channels": {
            "events": {
                "address": SOCKET,
                "description": "A snapshot, then every event after it: no hole, no duplicate. "
                "The server closes with 1012 (it restarts) or 1013 (a server behind it is away): "
                "come back with the last epoch and seq. It closes with 1008 when the key does not "
                "count any more. What a client sends is not read. Where keys are wanted, a browser "
                "brings a ticket of POST /v1/tickets; others send their key in the header.",
                "bindings": {"ws": {"method": "GET", "query": _with_ticket(_inlined(query))}},
                "messages": messages,
            }
        },
        "operations": {
            "follow": {
                "action": "send",
                "channel": {"$ref": "#/channels/events"},
                "security": [
                    {"$ref": f"#/components/securitySchemes/{name}"} for name in SOCKET_SCHEMES
                ],
                "messages": [
                    {"$ref": f"#/channels/events/messages/{kind.__name__}"} for kind in MESSAGES
                ],
            }
        },
        "components": {"schemas": _schemas(MESSAGES), "securitySchemes": SOCKET_SCHEMES},
    }


def _operation(route: Route) -> Json:
    operation: Json = {
        "operationId": f"{route.handler.__module__.rpartition('.')[2]}_{route.handler.__name__}",
        "summary": route.summary,
        "tags": [route.tag],
        "security": _security(route),
        "parameters": _parameters(route),
        "responses": {
            **{str(status): _answer(status, kind) for status, kind in route.answers.items()},
            "default": {"$ref": "#/components/responses/Problem"},
        },
    }
    if route.body is not None:
        operation["requestBody"] = _body(route.body)
    return operation


def _security(route: Route) -> list[Json]:
    """Either of them will do, with that scope; nothing at all where the list is empty."""
    if route.scope is None:
        return []
    scopes = [] if route.scope == "any" else [route.scope]
    shared = [{"share": list[str]()}] if route.shared else []
    return [{"key": scopes}, {"session": scopes}, *shared]


def _parameters(route: Route) -> list[Json]:
    path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    headers = [
        {"name": name, "in": "header", "description": text, "schema": {"type": "string"}}
        for name, text in route.headers.items()
    ]
    if route.query is None:
        return path + headers
    schema = _inlined(route.query)
    query = [
        {"name": name, "in": "query", "required": name in schema.get("required", ()), "schema": one}
        for name, one in schema["properties"].items()
    ]
    return path + query + headers


def _body(body: Any) -> Json:
    if body == "form":
        return {"required": True, "content": {"multipart/form-data": {"schema": _form()}}}
    if isinstance(body, str):
        return {"required": True, "content": {body: {"schema": {}}}}
    return {"required": False, "content": {"application/json": {"schema": {"$ref": _ref(body)}}}}


def _form() -> Json:
    fields = _inlined(JobRequest)["properties"]
    labels = {"type": "string", "contentMediaType": "application/json", "description": "an object"}
    file = {"type": "string", "format": "binary", "description": "audio or video, any format"}
    url = {"type": "string", "format": "uri", "description": "instead of a file"}
    upload = {"type": "string", "description": "id of an upload of /v1/uploads, instead of a file"}
    return {
        "type": "object",
        "description": "Exactly one of file, url and upload; fields may stand before or after it.",
        "properties": {"file": file, "url": url, "upload": upload, **fields, "labels": labels},
        "additionalProperties": False,
    }


def _answer(status: int, kind: Any) -> Json:
    if kind is None:
        return {"description": {204: "Done", 304: "Not changed"}.get(status, "No body")}
    if not isinstance(kind, tuple):
        kind = (kind,)
    content: Json = {}
    for one in kind:
        if isinstance(one, str):
            content[one] = {"schema": {"type": "string"}}
        else:
            content["application/json"] = {"schema": {"$ref": _ref(one)}}
    types = [one for one in kind if isinstance(one, type)]
    return {"description": _summary(types[0]) if types else "The document", "content": content}


def _problem() -> Json:
    known = sorted({(kind.status, kind.title) for kind in WebError.__subclasses__()})
    return {
        "description": "; ".join(f"{status}: {title}" for status, title in known),
        "content": {MEDIA_TYPE: {"schema": {"$ref": _ref(Problem)}}},
    }


def _types() -> list[Any]:
    kinds: dict[Any, None] = {}
    for route in ROUTES:
        bodies = [route.body]
        for answer in route.answers.values():
            bodies += answer if isinstance(answer, tuple) else [answer]
        kinds |= dict.fromkeys(kind for kind in bodies if isinstance(kind, type))
    return list(kinds)


def _schemas(kinds: Any) -> Json:
    schemas = msgspec.json.schema_components(kinds, ref_template=REF)[1]
    for name in schemas.keys() & WHOLE:
        schemas[name]["required"] = list(schemas[name]["properties"])
        for field in schemas[name]["properties"].values():
            field.pop("default", None)
    return dict(sorted(schemas.items()))


def _inlined(kind: type[msgspec.Struct]) -> Json:
    """The schema of a flat struct itself, not a reference to it."""
    schemas = msgspec.json.schema_components([kind], ref_template=REF)[1]
    found: Json = schemas[kind.__name__]
    return found


def _with_ticket(query: Json) -> Json:
    ticket = {"type": "string", "default": "", "description": "of POST /v1/tickets"}
    return {**query, "properties": {**query["properties"], TICKET: ticket}}


def _ref(kind: type) -> str:
    return REF.format(name=kind.__name__)


def _summary(kind: type) -> str:
    return (kind.__doc__ or kind.__name__).strip().splitlines()[0]


def main(folder: Path) -> None:
    """Write both documents."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("openapi", document()), ("asyncapi", asyncapi())):
        text = msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
        (folder / f"{name}.json").write_bytes(text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write openapi.json and asyncapi.json.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/api"))
    main(parser.parse_args().folder)
