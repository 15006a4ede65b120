"""What a stranger's page cannot do, and what every answer carries."""

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.web.conftest import Served, serving
from web.guard import HEADERS
from web.settings import WebSettings


@pytest.mark.parametrize(
    "path", ["/openapi.json", "/assets/x.js", "/v1/jobs", "/healthz", "/nowhere"]
)
async def test_every_answer_carries_the_headers(served: Served, path: str) -> None:
    reply = await served.client.get(path)
    for name, value in HEADERS.items():
        assert reply.headers[name] == value
    assert "access-control-allow-origin" not in reply.headers
    assert len(reply.headers["x-request-id"]) == 26
    assert "server" not in reply.headers


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200), ("LOCALHOST:99", 200), ("127.0.0.1:8080", 200), ("[::1]:8080", 200),
        ("evil.example", 421), ("localhost.evil.example", 421), ("", 421),
        ("127.0.0.1.nip.io", 421),
    ],
)  # fmt: skip
async def test_only_names_of_this_server_are_answered(
    served: Served, host: str, status: int
) -> None:
    reply = await served.client.get("/healthz", headers={"Host": host})
    assert reply.status_code == status
    if status == 421:
        assert "DALSTON_WEB_HOSTS" in reply.json()["detail"]


async def test_more_names_can_be_given(web_settings: WebSettings, projector: None) -> None:
    named = msgspec.structs.replace(web_settings, web_hosts="dalston.example, Other.example")
    async with serving(named) as served:
        for host in ("dalston.example", "other.example:443", "127.0.0.1"):
            assert (await served.client.get("/healthz", headers={"Host": host})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "SELF"}, 415),
        ({"Sec-Fetch-Site": "none"}, 415),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_a_page_of_another_site_cannot_post(
    served: Served, headers: dict[str, str], status: int
) -> None:
    if headers.get("Origin") == "SELF":
        headers = {**headers, "Origin": served.url}
    reply = await served.client.post("/v1/jobs", headers=headers)
    assert reply.status_code == status


async def test_a_page_of_another_site_cannot_open_a_socket(served: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(served.socket_url, proxy=None, origin="https://evil.example"):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403
    async with connect(served.socket_url, proxy=None, origin=served.url):  # type: ignore[arg-type]
        pass
