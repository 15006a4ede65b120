"""A NUL, which Postgres takes nowhere: whoever sends one is told, and not that a server is away."""

from typing import Any

import pytest

from tests.web.conftest import Served

ASKED: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/v1/parked?engine=a%00b", None),
    ("GET", "/v1/parked?stage=a%00b", None),
    ("POST", "/v1/parked/retry", {"engine": "a\x00b"}),
    ("POST", "/v1/parked/retry", {"stage": "a\x00b"}),
    ("GET", "/v1/jobs?stage=a%00b", None),
    ("GET", "/v1/analytics/rtf?engine=a%00b", None),
    ("POST", "/v1/sql", {"sql": "SELECT '\x00'"}),
    ("POST", "/v1/keys", {"name": "a\x00b"}),
    ("POST", "/v1/keys", {"name": "a\n"}),
    ("POST", "/v1/keys", {"name": "a", "tenant": "acme\n"}),
    ("DELETE", "/v1/keys/a%00b", None),
    ("DELETE", "/v1/keys/%2e%2e", None),
    ("POST", "/v1/engines/a%00b/drain", None),
    ("GET", "/v1/jobs/a%00b", None),
    ("GET", "/v1/jobs/a%00b/transcript?share=a%00b", None),
    ("GET", "/assets/a%00b", None),
)


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
async def test_a_nul_is_a_mistake_of_whoever_sends_it(
    served: Served, method: str, path: str, body: Any
) -> None:
    reply = await served.client.request(method, path, json=body)
    assert reply.status_code in {400, 401, 404}, reply.text
