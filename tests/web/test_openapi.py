"""The documents say what is served, no more and no less."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from starlette.routing import Route, WebSocketRoute

from tests.web.conftest import Served
from web import openapi, page
from web.app import build
from web.settings import WebSettings

API = Path(__file__).parents[2] / "docs" / "api"
OTHER = {"/openapi.json"} | {route.path for route in page.ROUTES}
"""Served, but no part of the API."""


def test_every_route_is_documented() -> None:
    served = {
        (route.path, method)
        for route in build(WebSettings()).routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD" or "GET" not in (route.methods or ())
        if route.path not in OTHER
    }
    document = openapi.document()
    told = {
        (path, method.upper()) for path, methods in document["paths"].items() for method in methods
    }
    assert served == told
    sockets = {r.path for r in build(WebSettings()).routes if isinstance(r, WebSocketRoute)}
    assert sockets == {channel["address"] for channel in openapi.asyncapi()["channels"].values()}


@pytest.mark.parametrize("name", ["openapi", "asyncapi"])
def test_the_documents_in_the_repository_are_current(name: str) -> None:
    current = openapi.document() if name == "openapi" else openapi.asyncapi()
    kept = msgspec.json.decode((API / f"{name}.json").read_bytes())
    assert kept == msgspec.json.decode(msgspec.json.encode(current)), (
        "the API changed: run python -m web.openapi"
    )


@pytest.mark.parametrize("document", [openapi.document(), openapi.asyncapi()])
def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return here + [ref for inner in value.values() for ref in references(inner)]
        return [r for one in value for r in references(one)] if isinstance(value, list) else []

    for reference in references(document):
        found: Any = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def test_every_operation_has_a_name_of_its_own() -> None:
    operations = [
        operation["operationId"]
        for methods in openapi.document()["paths"].values()
        for operation in methods.values()
    ]
    assert len(operations) == len(set(operations))


async def test_the_document_is_served(served: Served) -> None:
    reply = await served.client.get("/openapi.json")
    assert reply.json() == msgspec.json.decode(msgspec.json.encode(openapi.document()))
