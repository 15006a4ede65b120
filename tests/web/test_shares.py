"""Links to one job: what they open, what they do not, and when they end."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import text

from projector.keys import signing_secret
from tests.web.conftest import Served, settled
from tests.web.driver import Driver
from tests.web.keyed import client, key, keyed
from web.settings import WebSettings
from web.shares import LONGEST_S, Share, read, signed


@pytest.fixture
async def locked(web_settings: WebSettings, projector: None) -> AsyncIterator[Served]:
    async with keyed(web_settings) as running:
        yield running


@pytest.fixture
async def owner(locked: Served) -> AsyncIterator[httpx.AsyncClient]:
    secret, _ = await key(locked, "acme", "read", "write", name="laptop")
    async with client(locked, secret) as http:
        yield http


async def job(locked: Served, owner: httpx.AsyncClient, driver: Driver) -> str:
    """A finished job with things in its request that are nobody else's business."""
    file = {"file": ("talk.wav", b"RIFF" + bytes(2000), "audio/wav")}
    data = {"labels": '{"case":"4711"}', "hotwords": "Rosebud", "initial_prompt": "Rosebud"}
    reply = await owner.post("/v1/jobs", files=file, data=data)
    job_id = str(reply.json()["id"])
    await driver.complete(job_id)
    await settled(locked)
    return job_id


async def share(owner: httpx.AsyncClient, job_id: str, **body: Any) -> Share:
    reply = await owner.post(f"/v1/jobs/{job_id}/shares", json=body)
    assert reply.status_code == 201, reply.text
    return msgspec.json.decode(reply.content, type=Share)


async def test_a_link_shows_the_job_as_it_is_and_nothing_else(
    locked: Served, owner: httpx.AsyncClient, driver: Driver
) -> None:
    job_id, other = await job(locked, owner, driver), await job(locked, owner, driver)
    made = await share(owner, job_id, expires_in_s=3600)
    assert made.path == f"/shared/{job_id}#{made.token}"
    await owner.put(f"/v1/jobs/{job_id}/segments/0", json={"text": "Hello you."})
    await settled(locked)
    nobody, link = locked.client, {"share": made.token}
    shown = await nobody.get(f"/v1/jobs/{job_id}", params=link)
    assert (shown.status_code, shown.json()["edited"]) == (200, 1)
    assert "4711" not in shown.text
    assert "Rosebud" not in shown.text
    said = await nobody.get(f"/v1/jobs/{job_id}/transcript", params={**link, "format": "txt"})
    assert said.text == "Hello you.\n"
    for path, query in (
        (f"/v1/jobs/{job_id}/transcript", {"version": "original"}),
        (f"/v1/jobs/{job_id}/transcript", {"at": "12"}),
        (f"/v1/jobs/{job_id}", {"at": "1"}),
    ):
        reply = await nobody.get(path, params={**link, **query})
        assert reply.status_code == 403
    for method, path in (
        ("GET", f"/v1/jobs/{other}"), ("GET", f"/v1/jobs/{other}/transcript"),
        ("GET", f"/v1/jobs/{other}/audio"), ("GET", f"/v1/jobs/{job_id}/events"),
        ("GET", "/v1/jobs"), ("GET", "/v1/search?q=hello"), ("GET", "/v1/events"),
        ("GET", "/v1/engines"), ("GET", "/v1/me"), ("GET", "/v1/keys"),
        ("PUT", f"/v1/jobs/{job_id}/segments/0"), ("PUT", f"/v1/jobs/{job_id}/speakers/S1"),
        ("POST", f"/v1/jobs/{job_id}/shares"), ("DELETE", f"/v1/jobs/{job_id}/shares"),
        ("POST", f"/v1/jobs/{job_id}/cancel"), ("POST", f"/v1/jobs/{job_id}/retry"),
        ("POST", "/v1/jobs"), ("DELETE", f"/v1/jobs/{job_id}"),
    ):  # fmt: skip
        reply = await nobody.request(method, httpx.URL(path).copy_merge_params(link))
        assert reply.status_code == 401, f"{method} {path}"
        assert "acme" not in reply.text


async def test_a_link_that_was_tampered_with_opens_nothing(
    locked: Served, owner: httpx.AsyncClient, driver: Driver
) -> None:
    job_id = await job(locked, owner, driver)
    token = (await share(owner, job_id)).token
    payload, _, signature = token.partition(".")
    said = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    longer = {**said, "expires_at": "2999-01-01T00:00:00Z"}
    forged = urlsafe_b64encode(json.dumps(longer).encode()).decode().rstrip("=")
    async with locked.web.backends.writing() as connection:
        secret = await signing_secret(connection)
    link = read(token, secret)
    assert link is not None
    for wrong in (
        "", "x", ".", "é.é", token[:-1], f"{token}A", payload, f"{payload}.",
        f"{forged}.{signature}", signed(link, bytes(32)),
        signed(replace(link, job="0" * 26), secret), signed(replace(link, tenant="other"), secret),
    ):  # fmt: skip
        for path in ("", "/transcript", "/audio"):
            reply = await locked.client.get(f"/v1/jobs/{job_id}{path}", params={"share": wrong})
            assert reply.status_code == 401, wrong
            assert reply.headers["www-authenticate"] == "Bearer"


async def test_a_link_ends_when_its_time_is_over(
    locked: Served, owner: httpx.AsyncClient, driver: Driver
) -> None:
    job_id = await job(locked, owner, driver)
    token = (await share(owner, job_id, expires_in_s=60)).token
    async with locked.web.backends.writing() as connection:
        secret = await signing_secret(connection)
    link = read(token, secret)
    assert link is not None
    assert link.expires_at - link.made_at == timedelta(seconds=60)
    old = replace(
        link, made_at=link.made_at - timedelta(60), expires_at=link.made_at - timedelta(seconds=1)
    )
    reply = await locked.client.get(f"/v1/jobs/{job_id}", params={"share": signed(old, secret)})
    assert (reply.status_code, "expired on" in reply.json()["detail"]) == (401, True)
    for wrong in (0, -1, 59, LONGEST_S + 1, "week"):
        asked = await owner.post(f"/v1/jobs/{job_id}/shares", json={"expires_in_s": wrong})
        assert asked.status_code == 400


async def test_links_are_taken_back_and_later_ones_hold(
    locked: Served, owner: httpx.AsyncClient, driver: Driver
) -> None:
    job_id, other = await job(locked, owner, driver), await job(locked, owner, driver)
    before = [(await share(owner, job_id)).token for _ in range(2)]
    elsewhere = (await share(owner, other)).token
    assert (await owner.delete(f"/v1/jobs/{job_id}/shares")).status_code == 204
    after = (await share(owner, job_id)).token
    for token, status in ((before[0], 401), (before[1], 401), (after, 200)):
        reply = await locked.client.get(f"/v1/jobs/{job_id}", params={"share": token})
        assert reply.status_code == status
    reply = await locked.client.get(f"/v1/jobs/{other}", params={"share": elsewhere})
    assert reply.status_code == 200


async def test_nobody_else_shares_or_takes_back_and_an_erased_job_is_gone(
    locked: Served, owner: httpx.AsyncClient, driver: Driver
) -> None:
    job_id = await job(locked, owner, driver)
    token = (await share(owner, job_id)).token
    reading, _ = await key(locked, "acme", "read", name="reader")
    stranger, _ = await key(locked, "other", "read", "write", name="stranger")
    for secret, status in ((reading, 403), (stranger, 404)):
        async with client(locked, secret) as http:
            for method in ("POST", "DELETE"):
                reply = await http.request(method, f"/v1/jobs/{job_id}/shares")
                assert reply.status_code == status
    assert (await owner.delete(f"/v1/jobs/{job_id}")).status_code == 204
    await settled(locked)
    for path in ("", "/transcript", "/audio"):
        reply = await locked.client.get(f"/v1/jobs/{job_id}{path}", params={"share": token})
        assert reply.status_code == 410
    assert (await owner.post(f"/v1/jobs/{job_id}/shares")).status_code == 410


async def test_events_say_who_corrected_by_the_name_and_prefix_of_the_key(
    locked: Served, owner: httpx.AsyncClient, driver: Driver
) -> None:
    job_id = await job(locked, owner, driver)
    await owner.put(f"/v1/jobs/{job_id}/segments/0", json={"text": "Hello you."})
    await settled(locked)
    async with locked.web.backends.reading() as connection:
        said = await connection.scalar(
            text("SELECT meta FROM events WHERE type = 'transcript.edited'")
        )
    assert json.loads(str(said)).keys() == {"by", "key"}
    assert json.loads(str(said))["by"] == "laptop"
