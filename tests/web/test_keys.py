"""Keys, the page's session and the tickets of its sockets: what they open, and when they end."""

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from httpx import RemoteProtocolError
from sqlalchemy import text
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from projector import keys
from projector.tables import metadata
from streams.errors import InvalidSetting
from tests.conftest import Server
from tests.web.conftest import Served, serving, until
from tests.web.driver import Driver
from tests.web.keyed import bearer, client, key, keyed
from tests.web.test_outages import frozen
from web import openapi
from web.app import build
from web.auth import COOKIE
from web.key_views import MadeKey, SignIn, Ticket
from web.routes import ROUTES
from web.settings import WebSettings, wants_keys
from web.tries import MOST, WINDOW_S, Tries
from web.watch import EVERY_S


@pytest.fixture
async def locked(web_settings: WebSettings, projector: None) -> AsyncIterator[Served]:
    async with keyed(web_settings) as running:
        yield running


async def status_of_socket(served: Served, query: str = "", **headers: str) -> int:
    """101 when it opens, else how it is refused."""
    try:
        async with connect(
            f"{served.socket_url}{query}", proxy=None, additional_headers=headers
        ) as socket:
            await socket.recv()
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_without_a_key_the_answer_names_the_cure(locked: Served) -> None:
    reply = await locked.client.get("/v1/me")
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    for cure in ("Authorization: Bearer", "DALSTON_API_KEY", "dalston keys make"):
        assert cure in reply.json()["detail"]


async def test_a_key_tells_who_it_is(locked: Served) -> None:
    secret, made = await key(locked, "acme", "read", name="laptop")
    reply = await locked.client.get("/v1/me", headers=bearer(secret))
    assert reply.json() == {
        "auth": "key", "tenant": "acme", "scopes": ["read"], "name": "laptop", "key": made.prefix,
    }  # fmt: skip
    assert secret.startswith(made.prefix)
    assert len(secret) == len(made.prefix) + 44


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Basic dXNl", "dk_00000000", "Bearer dk_\u00fc", "Bearer " + "x" * 9000],
)
async def test_anything_else_in_the_header_is_refused(locked: Served, header: str) -> None:
    reply = await locked.client.get("/v1/jobs", headers=[(b"Authorization", header.encode())])
    assert reply.status_code == 401


async def test_one_wrong_character_is_a_wrong_key(locked: Served) -> None:
    secret, _ = await key(locked)
    wrong = secret[:-1] + ("A" if secret[-1] != "A" else "B")
    assert (await locked.client.get("/v1/jobs", headers=bearer(wrong))).status_code == 401
    assert (await locked.client.get("/v1/jobs", headers=bearer(secret))).status_code == 200


async def test_a_key_without_the_scope_is_told_which_one_it_lacks(locked: Served) -> None:
    secret, made = await key(locked, "acme", "read")
    reply = await locked.client.post(f"/v1/jobs/{made.id}/cancel", headers=bearer(secret))
    assert reply.status_code == 403
    assert "scope write" in reply.json()["detail"]
    writer, _ = await key(locked, "acme", "write")
    assert (await locked.client.get("/v1/jobs", headers=bearer(writer))).status_code == 403


async def test_only_an_admin_makes_lists_and_revokes_keys(locked: Served) -> None:
    admin, user = (await key(locked, "acme", "admin"))[0], (await key(locked))[0]
    body = {"name": "other", "tenant": "other", "scopes": ["read"]}
    assert (
        await locked.client.post("/v1/keys", json=body, headers=bearer(user))
    ).status_code == 403
    assert (await locked.client.get("/v1/keys", headers=bearer(user))).status_code == 403
    reply = await locked.client.post("/v1/keys", json=body, headers=bearer(admin))
    assert reply.status_code == 201
    made = reply.json()
    assert made["key"]["tenant"] == "other"
    me = await locked.client.get("/v1/me", headers=bearer(made["secret"]))
    assert me.json()["tenant"] == "other"
    listed = (await locked.client.get("/v1/keys", headers=bearer(admin))).json()["keys"]
    assert made["key"]["id"] in [one["id"] for one in listed]
    assert made["secret"] not in json.dumps(listed)
    path = f"/v1/keys/{made['key']['id']}"
    assert (await locked.client.delete(path, headers=bearer(user))).status_code == 403
    assert (await locked.client.delete(path, headers=bearer(admin))).status_code == 204
    assert (await locked.client.get("/v1/me", headers=bearer(made["secret"]))).status_code == 401
    assert (await locked.client.delete("/v1/keys/nope", headers=bearer(admin))).status_code == 404


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"scopes": ["read"]}, "name"),
        ({"name": ""}, "length"),
        ({"name": "x", "scopes": []}, "scopes"),
        ({"name": "x", "scopes": ["everything"]}, "everything"),
        ({"name": "x", "tenant": "A b"}, "tenant"),
        ({"name": "x", "expires_at": "2020-01-01T00:00:00Z"}, "past"),
        ({"name": "x", "expires_at": "2099-01-01T00:00:00"}, "timezone"),
    ],
)
async def test_a_key_that_makes_no_sense_is_not_made(
    locked: Served, body: dict[str, Any], told: str
) -> None:
    admin, _ = await key(locked, "acme", "admin")
    reply = await locked.client.post("/v1/keys", json=body, headers=bearer(admin))
    assert reply.status_code == 400
    assert told in reply.json()["detail"]


async def test_an_expired_key_says_so_to_whoever_has_all_of_it(locked: Served) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    secret, made = await key(locked, expires_at=soon)
    assert (await locked.client.get("/v1/me", headers=bearer(secret))).status_code == 200
    await asyncio.sleep(3.2)
    reply = await locked.client.get("/v1/me", headers=bearer(secret))
    assert reply.status_code == 401
    assert f"{made.prefix} has expired" in reply.json()["detail"]


async def test_a_revoked_key_ends_everywhere_within_five_seconds(
    locked: Served, web_settings: WebSettings
) -> None:
    """Its requests, its sessions, its sockets and its streams; in other processes, too."""
    secret, made = await key(locked)
    admin, _ = await key(locked, "acme", "admin")
    async with keyed(web_settings) as other, client(other) as browser, client(other, secret) as api:
        assert (await browser.post("/v1/session", json={"key": secret})).status_code == 200
        async with (
            connect(other.socket_url, proxy=None, additional_headers=bearer(secret)) as socket,
            api.stream("GET", "/v1/events") as stream,
        ):
            await socket.recv()
            lines = stream.aiter_lines()
            await anext(lines)
            began = time.monotonic()
            await locked.client.delete(f"/v1/keys/{made.id}", headers=bearer(admin))
            with suppress(ConnectionClosed):
                async for _ in socket:
                    pass
            assert socket.close_code == 1008
            async for _ in lines:
                pass
            while (await api.get("/v1/jobs")).status_code != 401:
                await asyncio.sleep(0.1)
            while (await browser.get("/v1/jobs")).status_code != 401:
                await asyncio.sleep(0.1)
            assert time.monotonic() - began < 5


async def test_an_upload_under_way_ends_with_its_key(locked: Served) -> None:
    """However it is sent; what is stored of it by then is nobody's job."""
    secret, made = await key(locked)
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "9000000"}
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    piece = {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    part = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'

    async def slowly(first: bytes) -> AsyncIterator[bytes]:
        yield first
        for _ in range(150):  # httpx looks for an answer only once it has sent all
            yield b"."
            await asyncio.sleep(0.05)

    async with client(locked, secret) as http:
        path = (await http.post("/v1/uploads", headers=tus)).headers["location"]
        sending = [
            asyncio.create_task(http.post("/v1/jobs", content=slowly(part), headers=form)),
            asyncio.create_task(http.patch(path, content=slowly(b""), headers=tus | piece)),
        ]
        await asyncio.sleep(1)
        assert not any(task.done() for task in sending)
        async with locked.web.backends.writing() as connection:
            await keys.revoke(connection, made.id)
        for reply in await asyncio.gather(*sending):
            assert (reply.status_code, "under way ends here" in reply.text) == (401, True)
    assert not [one async for one in locked.web.backends.artifacts.keys("jobs/")]


async def test_a_download_under_way_ends_with_its_key(locked: Served, driver: Driver) -> None:
    secret, made = await key(locked)
    sound = bytes(24 * 1024 * 1024)
    async with client(locked, secret) as http:
        file = {"file": ("talk.wav", sound, "audio/wav")}
        job_id = (await http.post("/v1/jobs", files=file)).json()["id"]
        async with http.stream("GET", f"/v1/jobs/{job_id}/audio?kind=original") as reply:
            assert reply.status_code == 200
            coming = reply.aiter_raw()
            got = len(await anext(coming))
            async with locked.web.backends.writing() as connection:
                await keys.revoke(connection, made.id)
            await asyncio.sleep(EVERY_S + 1)
            with suppress(RemoteProtocolError):
                async for chunk in coming:
                    got += len(chunk)
    assert got < len(sound)


async def test_while_postgres_is_away_no_key_is_taken_for_a_wrong_one(
    locked: Served, postgres: Server
) -> None:
    """Requests say that it is away, what is open stays open, and all goes on afterwards."""
    secret, _ = await key(locked)
    async with connect(locked.socket_url, proxy=None, additional_headers=bearer(secret)) as socket:
        await socket.recv()
        with frozen(postgres.child):
            await asyncio.sleep(2 * EVERY_S + 1)
            reply = await locked.client.get("/v1/me", headers=bearer(secret))
            assert reply.status_code == 503
            assert secret not in reply.text
        assert (await locked.client.get("/v1/me", headers=bearer(secret))).status_code == 200
        await asyncio.sleep(EVERY_S + 1)
        assert socket.close_code is None


async def test_the_session_is_in_a_cookie_that_no_script_and_no_other_site_gets(
    locked: Served,
) -> None:
    secret, made = await key(locked)
    async with client(locked) as browser:
        reply = await browser.post("/v1/session", json={"key": secret})
        assert reply.json()["auth"] == "session"
        assert reply.json()["key"] == made.prefix
        cookie = reply.headers["set-cookie"].lower()
        assert {"httponly", "samesite=strict", "path=/"} <= set(cookie.split("; "))
        assert "secure" not in cookie
        assert secret.lower() not in cookie
        assert (await browser.get("/v1/jobs")).status_code == 200
        again = await browser.post(
            "/v1/session", json={"key": secret}, headers={"X-Forwarded-Proto": "https"}
        )
        assert "secure" in again.headers["set-cookie"].lower().split("; ")


async def test_signing_out_ends_the_session_on_the_server(locked: Served) -> None:
    secret, _ = await key(locked)
    async with client(locked) as browser:
        await browser.post("/v1/session", json={"key": secret})
        kept = browser.cookies[COOKIE]
        assert (await browser.delete("/v1/session")).status_code == 204
        assert COOKIE not in browser.cookies
    async with client(locked, cookies={COOKIE: kept}) as thief:
        reply = await thief.get("/v1/me")
        assert reply.status_code == 401
        assert "sign in again" in reply.json()["detail"]


async def test_a_session_ends_by_itself(locked: Served) -> None:
    secret, _ = await key(locked)
    async with client(locked) as browser:
        await browser.post("/v1/session", json={"key": secret})
        async with locked.web.backends.writing() as connection:
            await connection.execute(text("UPDATE sessions SET expires_at = now()"))
        assert (await browser.get("/v1/me")).status_code == 401


async def test_a_page_of_another_site_can_do_nothing_with_the_session(locked: Served) -> None:
    secret, made = await key(locked)
    async with client(locked) as browser:
        await browser.post("/v1/session", json={"key": secret})
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            for method, path in (
                ("POST", f"/v1/jobs/{made.id}/cancel"), ("POST", "/v1/session"),
                ("DELETE", "/v1/session"), ("POST", "/v1/tickets"),
            ):  # fmt: skip
                reply = await browser.request(method, path, headers=headers)
                assert reply.status_code == 403
                assert "another site" in reply.json()["detail"]
        assert (await browser.get("/v1/jobs")).status_code == 200


async def test_a_ticket_opens_one_socket_once(
    locked: Served, web_settings: WebSettings, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when ten try at the same moment at two processes; and no log shows it."""
    caplog.set_level(logging.DEBUG, "uvicorn")
    secret, _ = await key(locked)
    async with keyed(web_settings) as other:
        reply = await locked.client.post("/v1/tickets", headers=bearer(secret))
        assert reply.status_code == 201
        assert reply.json()["expires_in_s"] == 30
        query = f"?ticket={reply.json()['ticket']}"
        places = [locked, other] * 5
        found = await asyncio.gather(*(status_of_socket(place, query) for place in places))
    assert sorted(found) == [101] + [401] * 9
    assert '"WebSocket /v1/events' in caplog.text
    assert query not in caplog.text


async def test_a_ticket_is_no_use_later_nor_for_requests(locked: Served) -> None:
    secret, _ = await key(locked)
    made = (await locked.client.post("/v1/tickets", headers=bearer(secret))).json()["ticket"]
    assert (await locked.client.get(f"/v1/events?ticket={made}")).status_code == 401
    assert (await locked.client.get("/v1/jobs", headers=bearer(made))).status_code == 401
    async with locked.web.backends.writing() as connection:
        await connection.execute(text("UPDATE tickets SET expires_at = now()"))
    assert await status_of_socket(locked, f"?ticket={made}") == 401


async def test_the_session_alone_opens_no_socket(locked: Served) -> None:
    secret, _ = await key(locked)
    async with client(locked) as browser:
        await browser.post("/v1/session", json={"key": secret})
        cookie = f"{COOKIE}={browser.cookies[COOKIE]}"
        assert await status_of_socket(locked, Cookie=cookie) == 401
        made = (await browser.post("/v1/tickets")).json()["ticket"]
    assert await status_of_socket(locked, f"?ticket={made}") == 101


async def test_many_wrong_keys_close_the_door_to_their_address_but_not_to_who_is_known(
    locked: Served,
) -> None:
    known, _ = await key(locked)
    fresh, _ = await key(locked)
    assert (await locked.client.get("/v1/me", headers=bearer(known))).status_code == 200
    for _ in range(MOST):
        wrong = await locked.client.get("/v1/me", headers=bearer("dk_00000000_" + "x" * 43))
        assert wrong.status_code == 401
    for secret in ("dk_00000000_" + "x" * 43, fresh):
        reply = await locked.client.get("/v1/me", headers=bearer(secret))
        assert reply.status_code == 429
        assert reply.headers["retry-after"] == "60"
    assert (await locked.client.post("/v1/session", json={"key": fresh})).status_code == 429
    assert (await locked.client.delete("/v1/session", headers={"Cookie": f"{COOKIE}=x"})).is_success
    await asyncio.sleep(2.1)  # the known one has to be looked up again
    assert (await locked.client.get("/v1/me", headers=bearer(known))).status_code == 200
    elsewhere = {**bearer(fresh), "X-Forwarded-For": "192.0.2.7"}
    assert (await locked.client.get("/v1/me", headers=elsewhere)).status_code == 200


async def test_a_page_whose_session_is_over_may_sign_in_again_at_once(locked: Served) -> None:
    """However often it asked meanwhile; and so may whoever still has a key that was revoked."""
    secret, _ = await key(locked)
    old, made = await key(locked)
    async with locked.web.backends.writing() as connection:
        await keys.revoke(connection, made.id)
    async with client(locked, cookies={COOKIE: "of yesterday"}) as page, client(locked, old) as api:
        for _ in range(MOST + 5):
            assert (await page.get("/v1/jobs")).status_code == 401
            assert (await api.get("/v1/jobs")).status_code == 401
        assert (await page.post("/v1/session", json={"key": secret})).status_code == 200


def test_wrong_keys_are_forgotten_in_a_minute_and_counted_by_network() -> None:
    tries = Tries()
    for number in range(MOST):
        tries.failed(f"2001:db8::{number:x}", 100.0)
    assert tries.too_many("2001:db8::ffff", 101.0)
    assert not tries.too_many("2001:db8:0:1::1", 101.0)
    assert not tries.too_many("2001:db8::ffff", 101.0 + WINDOW_S)
    assert not tries.too_many("192.0.2.1", 101.0)


async def test_of_several_webs_that_start_together_one_makes_the_first_key(
    web_settings: WebSettings, projector: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    ways = {"first_key": True}
    async with (
        keyed(web_settings, **ways) as one,
        keyed(web_settings, **ways),
        keyed(web_settings, **ways),
    ):
        await until(lambda: "shown here and nowhere else" in caplog.text)
        await asyncio.sleep(0.3)
        async with one.web.backends.reading() as connection:
            [made] = await keys.listed(connection)
        assert made.scopes == ("admin",)
        assert caplog.text.count(made.prefix) == 1
        secret = next(word for word in caplog.text.split() if word.startswith(made.prefix))
        assert (await one.client.get("/v1/keys", headers=bearer(secret))).status_code == 200
    caplog.clear()
    async with keyed(web_settings, **ways):
        await asyncio.sleep(0.3)
        assert "dk_" not in caplog.text


async def test_no_secret_lies_anywhere_in_the_database(locked: Served) -> None:
    secret, _ = await key(locked)
    async with client(locked) as browser:
        await browser.post("/v1/session", json={"key": secret})
        session = browser.cookies[COOKIE]
        ticket = (await browser.post("/v1/tickets")).json()["ticket"]
    rows = ""
    async with locked.web.backends.reading() as connection:
        for table in metadata.tables:
            rows += str((await connection.execute(text(f'SELECT * FROM "{table}"'))).all())
    assert secret[:11] in rows
    for one in (secret, secret[12:], session, ticket):
        assert one not in rows


async def test_when_a_key_was_used_last_is_kept(locked: Served) -> None:
    secret, made = await key(locked)
    before = datetime.now(UTC) - timedelta(seconds=1)
    await locked.client.get("/v1/me", headers=bearer(secret))
    async with locked.web.backends.reading() as connection:
        found = next(one for one in await keys.listed(connection) if one.id == made.id)
    assert found.last_used_at is not None
    assert found.last_used_at > before


async def test_the_secret_of_share_links_is_the_same_for_all(locked: Served) -> None:
    async def ask() -> bytes:
        async with locked.web.backends.writing() as connection:
            return await keys.signing_secret(connection)

    found = set(await asyncio.gather(*(ask() for _ in range(5))))
    assert len(found) == 1
    assert len(found.pop()) == 32


def test_the_document_says_what_each_route_wants() -> None:
    told = openapi.document()
    assert set(told["components"]["securitySchemes"]) == {"key", "session", "share"}
    for route in ROUTES:
        wanted = told["paths"][route.path][route.method.lower()]["security"]
        assert (wanted == []) is (route.scope is None)
        if route.scope in {"read", "write", "admin"}:
            assert {"key": [route.scope]} in wanted
        assert ({"share": []} in wanted) is route.shared
    socket = openapi.asyncapi()
    assert set(socket["components"]["securitySchemes"]) == {"key", "ticket"}


def test_no_secret_is_in_a_repr() -> None:
    shown = repr([SignIn("dk_secret"), Ticket("dk_secret", 30.0)])
    shown += repr(msgspec.json.decode(
        b'{"secret":"dk_secret","key":{"id":"","prefix":"dk_1","name":"","tenant":"a","scopes":[],'
        b'"created_at":"2026-01-01T00:00:00Z","expires_at":null,"last_used_at":null,'
        b'"revoked_at":null}}', type=MadeKey,
    ))  # fmt: skip
    assert "dk_secret" not in shown


@pytest.mark.parametrize(
    ("ways", "wanted"),
    [
        ({}, False),
        ({"auth": "open"}, False),
        ({"auth": "keys"}, True),
        ({"web_host": "::1"}, False),
        ({"web_host": "localhost"}, False),
        ({"web_host": "0.0.0.0"}, True),
        ({"web_host": "::"}, True),
        ({"web_host": "192.0.2.1"}, True),
        ({"web_host": "dalston.example"}, True),
        ({"web_hosts": "localhost"}, False),
        ({"web_hosts": "dalston.example"}, True),
        ({"web_hosts": "dalston.example", "auth": "open"}, False),
    ],
)
def test_without_keys_only_where_this_machine_alone_can_ask(
    ways: dict[str, Any], wanted: bool
) -> None:
    assert wants_keys(WebSettings(**ways)) is wanted


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "dalston.example"])
def test_a_web_that_others_reach_does_not_start_open(host: str) -> None:
    with pytest.raises(InvalidSetting, match=r"DALSTON_AUTH=open.*127\.0\.0\.1"):
        build(WebSettings(web_host=host, auth="open"))


async def test_a_web_without_keys_says_so_aloud(
    web_settings: WebSettings, projector: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with serving(web_settings) as served:
        await until(lambda: "Nobody needs a key here" in caplog.text)
        stale = {**bearer("dk_of_another_stack"), "Cookie": f"{COOKIE}=of another stack"}
        me = await served.client.get("/v1/me", headers=stale)
        assert me.json() == {
            "auth": "open", "tenant": "default", "scopes": ["read", "write", "admin"],
            "name": "", "key": None,
        }  # fmt: skip
        ticket = (await served.client.post("/v1/tickets")).json()["ticket"]
        await until(lambda: served.web.hub.live)
        assert await status_of_socket(served, f"?ticket={ticket}") == 101
        assert await status_of_socket(served) == 101
