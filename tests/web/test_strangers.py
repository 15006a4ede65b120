"""Every route and every socket, asked by whoever has no business there: they see nothing.

A route that is not in WALK fails the test: say there what a stranger may get of it.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.routing import Route as Served_
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from projector import keys
from projector.analytics.catalog import VIEWS
from projector.analytics.queries import QUERIES
from projector.tables import metadata
from streams.ids import new_id
from tests.web.conftest import Served, settled
from tests.web.driver import Driver
from tests.web.keyed import bearer, key, keyed
from tests.web.world import SOUND, Tenant, everything, fill, tenant
from web import page
from web.app import build
from web.call import Route
from web.routes import ROUTES, SOCKET
from web.settings import WebSettings

TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
FORM = {"file": ("heron.wav", SOUND, "audio/wav")}
PUBLIC, ADMIN, THEIRS, NONE = "public", "admin", "theirs", "none"


@dataclass(frozen=True)
class Visit:
    """How a route is asked, and what somebody of another tenant gets of it.

    ``none``: 404, for what is asked for is somebody else's. ``theirs``: an answer, with nothing of
    others in it. ``admin``: 403 without that scope. ``public``: no key is wanted.
    """

    gets: str
    query: str = ""
    headers: dict[str, str] | None = None
    body: Any = None
    more: dict[str, Any] | None = None


WALK: dict[tuple[str, str], Visit] = {
    ("POST", "/v1/jobs"): Visit(
        THEIRS, headers={"Idempotency-Key": "interview.wav"}, more={"files": FORM}
    ),
    ("OPTIONS", "/v1/uploads"): Visit(THEIRS),
    ("POST", "/v1/uploads"): Visit(
        THEIRS,
        headers={**TUS, "Upload-Length": "9000", "Upload-Metadata": "filename aGVyb24ud2F2"},
    ),
    ("HEAD", "/v1/uploads/{id}"): Visit(NONE, headers=TUS),
    ("PATCH", "/v1/uploads/{id}"): Visit(NONE, headers=PATCH, more={"content": b"x" * 9000}),
    ("DELETE", "/v1/uploads/{id}"): Visit(NONE, headers=TUS),
    ("GET", "/v1/jobs"): Visit(THEIRS, query="?limit=200"),
    ("GET", "/v1/jobs/{id}"): Visit(NONE),
    ("DELETE", "/v1/jobs/{id}"): Visit(NONE),
    ("POST", "/v1/jobs/{id}/cancel"): Visit(NONE),
    ("POST", "/v1/jobs/{id}/retry"): Visit(NONE),
    ("GET", "/v1/jobs/{id}/transcript"): Visit(NONE),
    ("PUT", "/v1/jobs/{id}/speakers/{speaker}"): Visit(NONE, body={"name": "somebody else"}),
    ("PUT", "/v1/jobs/{id}/segments/{n}"): Visit(NONE, body={"text": "something else"}),
    ("POST", "/v1/jobs/{id}/shares"): Visit(NONE, body={"expires_in_s": 600}),
    ("DELETE", "/v1/jobs/{id}/shares"): Visit(NONE),
    ("GET", "/v1/jobs/{id}/audio"): Visit(NONE),
    ("GET", "/v1/jobs/{id}/peaks"): Visit(NONE),
    ("GET", "/v1/jobs/{id}/events"): Visit(NONE),
    ("GET", "/v1/events"): Visit(THEIRS, query="?from=1"),
    ("GET", "/v1/search"): Visit(THEIRS, query="?q=walrus"),
    ("GET", "/v1/analytics"): Visit(THEIRS),
    ("GET", "/v1/analytics/{query}"): Visit(THEIRS, query="?since=30d"),
    ("GET", "/v1/sql/views"): Visit(THEIRS),
    ("POST", "/v1/sql"): Visit(THEIRS, body={"sql": "SELECT * FROM analytics.events"}),
    ("GET", "/v1/engines"): Visit(THEIRS),
    ("POST", "/v1/engines/{engine}/drain"): Visit(ADMIN),
    ("POST", "/v1/engines/{engine}/resume"): Visit(ADMIN),
    ("GET", "/v1/parked"): Visit(THEIRS),
    ("POST", "/v1/parked/retry"): Visit(THEIRS, body={}),
    ("GET", "/v1/me"): Visit(THEIRS),
    ("POST", "/v1/session"): Visit(PUBLIC),
    ("DELETE", "/v1/session"): Visit(PUBLIC),
    ("POST", "/v1/tickets"): Visit(THEIRS),
    ("GET", "/v1/keys"): Visit(ADMIN),
    ("POST", "/v1/keys"): Visit(ADMIN, body={"name": "mine", "scopes": ["admin"]}),
    ("DELETE", "/v1/keys/{id}"): Visit(ADMIN),
    ("GET", "/healthz"): Visit(PUBLIC),
    ("GET", "/readyz"): Visit(PUBLIC),
    ("GET", "/metrics"): Visit(ADMIN),
}
OPEN_TO_ALL = {"/openapi.json"}
"""Served beside the API, as are the files of the page: the same for everybody."""


@dataclass
class World:
    """A web with two tenants; one has everything, the other asks."""

    served: Served
    one: Tenant
    other: Tenant
    driver: Driver
    asked: int = 0

    def paths(self, path: str) -> list[str]:
        """The path with what is the first tenant's put in: one for each thing that it has."""
        ids = [self.one.done, self.one.parked, self.one.running]
        if path.startswith("/v1/uploads/"):
            ids = [self.one.upload]
        elif path.startswith("/v1/keys/"):
            ids = [self.one.key.id]
        if "{query}" in path:
            return [path.replace("{query}", query) for query in QUERIES]
        filled = [
            path.replace("{id}", one)
            .replace("{speaker}", "SPEAKER_00")
            .replace("{n}", "0")
            .replace("{engine}", "faster_whisper")
            for one in ids
        ]
        return list(dict.fromkeys(filled))

    async def ask(
        self, http: httpx.AsyncClient, route: Route, path: str, **headers: str
    ) -> tuple[int, str]:
        """Status and whole answer; of a stream what comes in two seconds. Each from an address of
        its own, so that nobody is refused for wrong keys of before.
        """
        visit, self.asked = WALK[route.method, route.path], self.asked + 1
        near = {"X-Forwarded-For": f"192.0.2.{self.asked % 250}.{self.asked}"}
        more: dict[str, Any] = {"json": visit.body} if visit.body is not None else {}
        request = http.build_request(
            route.method,
            path + visit.query,
            headers={**(visit.headers or {}), **near, **headers},
            **more,
            **(visit.more or {}),
        )
        reply = await http.send(request, stream=True)
        text = json.dumps(dict(reply.headers))
        try:
            async with asyncio.timeout(2):
                async for chunk in reply.aiter_text():
                    text += chunk
        except TimeoutError:
            assert reply.headers["content-type"].startswith("text/event-stream")
        await reply.aclose()
        return reply.status_code, text


@pytest.fixture
async def world(web_settings: WebSettings, projector: None, driver: Driver) -> AsyncIterator[World]:
    async with keyed(web_settings) as served:
        one = await tenant(served, "walrusco", "walrus")
        other = await tenant(served, "heronltd", "heron")
        await fill(served, one, driver)
        yield World(served, one, other, driver)
        await one.http.aclose()
        await other.http.aclose()


def test_the_walk_knows_every_route_and_every_socket() -> None:
    assert set(WALK) == {(route.method, route.path) for route in ROUTES}
    app = build(WebSettings())
    assert [route.path for route in app.routes if isinstance(route, WebSocketRoute)] == [SOCKET]
    rest = [route for route in app.routes if not isinstance(route, WebSocketRoute)]
    assert all(isinstance(route, Served_) for route in rest)
    paths = {route.path for route in rest if isinstance(route, Served_)}
    files = {route.path for route in page.ROUTES}
    assert paths == {route.path for route in ROUTES} | files | OPEN_TO_ALL
    for route in ROUTES:
        assert (route.scope is None) == (WALK[route.method, route.path].gets == PUBLIC)
        assert (route.scope == "admin") == (WALK[route.method, route.path].gets == ADMIN)
        assert not route.shared or (route.method == "GET" and "/v1/jobs/{id}" in route.path)


async def test_the_owner_sees_it_all(world: World) -> None:
    """So that the others' seeing nothing means something."""
    one, seen = world.one, ""
    for route in ROUTES:
        if route.method == "GET" and WALK[route.method, route.path].gets in {NONE, THEIRS}:
            for path in world.paths(route.path):
                _, text = await world.ask(one.http, route, path)
                seen += text.lower()
    assert {mark for mark in one.marks if mark not in seen} <= {
        one.upload, one.share.lower(), one.key.id,
    }  # fmt: skip
    assert "walrus was corrected" in seen
    assert "walrus-parked.wav" in seen


async def test_without_a_key_no_route_answers(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.served.url, timeout=30) as nobody:
        await _refused(world, nobody)
        for route in build(WebSettings()).routes:
            if isinstance(route, Served_) and route.path in OPEN_TO_ALL:
                reply = await nobody.get(route.path)
                assert not world.one.leaks(reply.text), route.path


@pytest.mark.parametrize("how", ["revoked", "expired", "garbled", "of another stack"])
async def test_a_key_that_does_not_count_opens_no_route(world: World, how: str) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.2)
    secret, made = await key(
        world.served, "walrusco", "read", "write", "admin",
        expires_at=soon if how == "expired" else None,
    )  # fmt: skip
    if how == "expired":
        await asyncio.sleep(0.3)
    elif how == "revoked":
        async with world.served.web.backends.writing() as connection:
            await keys.revoke(connection, made.id)
    elif how == "garbled":
        secret = f"{secret[:-4]}AAAA"
    else:
        secret = f"dk_00000000_{'x' * 43}"
    async with httpx.AsyncClient(
        base_url=world.served.url, headers=bearer(secret), timeout=30
    ) as stranger:
        await _refused(world, stranger)
    assert await _socket_status(world.served, bearer(secret)) == 401


async def test_a_key_of_another_tenant_sees_and_changes_nothing(world: World) -> None:
    """With all scopes of a user, asking for each thing by its id."""
    before = await everything(world.one)
    for route in ROUTES:
        visit = WALK[route.method, route.path]
        for path in world.paths(route.path):
            status, text = await world.ask(world.other.http, route, path)
            where = f"{route.method} {path} → {status} {text}"
            if visit.gets == ADMIN:
                assert status == 403, where
            elif visit.gets == NONE:
                assert status == 404, where
                # Nor is it told that there is such a thing: one that nobody has is answered alike.
                own, fresh = path.split("/")[3], new_id()
                _, absent = await world.ask(world.other.http, route, path.replace(own, fresh))
                assert _said(absent, fresh) == _said(text, own), where
            elif visit.gets == THEIRS:
                assert status < 300, where
            asked = f"{path} {visit.query}"
            assert not world.one.leaks(text, asked), where
    await settled(world.served)
    assert await everything(world.one) == before


async def test_an_admin_of_another_tenant_sees_no_job_either(world: World) -> None:
    """They run the stack: keys, measures and queues are theirs to see, what was said is not."""
    secret, _ = await key(world.served, "heronltd", "admin")
    before = await everything(world.one)
    async with httpx.AsyncClient(
        base_url=world.served.url, headers=bearer(secret), timeout=30
    ) as admin:
        for route in ROUTES:
            visit = WALK[route.method, route.path]
            if visit.gets in {ADMIN, PUBLIC} or route.path == "/v1/engines":
                continue
            for path in world.paths(route.path):
                status, text = await world.ask(admin, route, path)
                where = f"{route.method} {path} → {status} {text}"
                assert status == 404 if visit.gets == NONE else status < 300, where
                assert not world.one.leaks(text, f"{path} {visit.query}"), where
    await settled(world.served)
    assert await everything(world.one) == before


@pytest.mark.parametrize(
    ("scopes", "closed"),
    [(("read",), {"write", "admin"}), (("write",), {"read", "admin"})],
)
async def test_a_key_without_the_scope_is_refused_by_every_route_that_wants_it(
    world: World, scopes: tuple[str, ...], closed: set[str]
) -> None:
    secret, _ = await key(world.served, "walrusco", *scopes)
    before = await everything(world.one)
    async with httpx.AsyncClient(
        base_url=world.served.url, headers=bearer(secret), timeout=30
    ) as http:
        for route in ROUTES:
            if route.scope in closed:
                for path in world.paths(route.path):
                    status, text = await world.ask(http, route, path)
                    assert status == 403, f"{route.method} {path} → {status} {text}"
    assert await everything(world.one) == before
    wanted = 101 if "read" in scopes else 403
    assert await _socket_status(world.served, bearer(secret)) == wanted


async def test_a_socket_and_a_stream_tell_a_stranger_nothing(world: World) -> None:
    """Neither of before nor live, while both tenants' jobs go on."""
    one, other, served = world.one, world.other, world.served
    async with (
        connect(
            f"{served.socket_url}?from=1", proxy=None, additional_headers=bearer(other.secret)
        ) as old,
        connect(served.socket_url, proxy=None, additional_headers=bearer(other.secret)) as live,
        connect(served.socket_url, proxy=None, additional_headers=bearer(one.secret)) as owner,
        other.http.stream("GET", "/v1/events") as stream,
    ):
        lines = stream.aiter_lines()
        await live.recv()  # each stands in the log by then
        await owner.recv()
        await anext(lines)
        await world.driver.finish(one.running, "transcribe")
        await one.http.post(f"/v1/jobs/{one.parked}/cancel", json={"reason": "walrus"})
        posted = await other.http.post("/v1/jobs", files=FORM)
        theirs = posted.json()["id"]
        for socket in (old, live):
            told = await _until(socket, theirs)
            assert not one.leaks(told), told
        streamed = ""
        async with asyncio.timeout(10):
            while theirs not in streamed or "job.planned" not in streamed:
                streamed += await anext(lines) + "\n"
        assert not one.leaks(streamed), streamed
        assert one.parked in await _until(owner, one.parked)


async def test_a_socket_of_one_job_is_not_opened_to_a_stranger(world: World) -> None:
    served, one, other = world.served, world.one, world.other
    for job in (one.done, one.parked, one.running):
        assert await _socket_status(served, bearer(other.secret), f"?job={job}") == 404
        reply = await other.http.get(f"/v1/events?job={job}")
        assert reply.status_code == 404
        assert not one.leaks(reply.text, job)
    for headers in ({}, bearer("dk_00000000_" + "x" * 43)):
        assert await _socket_status(served, headers) == 401
    assert await _socket_status(served, {}, "?ticket=made-up") == 401
    assert await _socket_status(served, {}, f"?share={one.share}") == 401


async def test_a_link_to_one_job_opens_that_job_and_nothing_else(world: World) -> None:
    async with httpx.AsyncClient(base_url=world.served.url, timeout=30) as guest:
        for route in ROUTES:
            visit = WALK[route.method, route.path]
            if visit.gets == PUBLIC:
                continue
            for path in world.paths(route.path):
                own = route.shared and world.one.done in path
                token = f"{'&' if visit.query else '?'}share={world.one.share}"
                url = f"{path}{visit.query}{token}"
                reply = await guest.request(
                    route.method, url, headers=visit.headers or {}, json=visit.body
                )
                if own:
                    assert reply.status_code == 200, f"{url} → {reply.text}"
                else:
                    assert reply.status_code == 401, f"{url} → {reply.text}"
                    assert not world.one.leaks(reply.text, url)
    voided = await world.one.http.delete(f"/v1/jobs/{world.one.done}/shares")
    assert voided.status_code == 204
    async with httpx.AsyncClient(base_url=world.served.url, timeout=30) as guest:
        reply = await guest.get(f"/v1/jobs/{world.one.done}?share={world.one.share}")
        assert reply.status_code == 401


async def test_no_parameter_reaches_over_to_another_tenant(world: World) -> None:
    """Filters, pages and cursors that name what is somebody else's, and headers that claim it."""
    one, other = world.one, world.other
    events = (await one.http.get(f"/v1/jobs/{one.done}/events")).json()["events"]
    last = events[-1]
    for path in (
        "/v1/jobs?q=walrus", "/v1/jobs?q=%25", "/v1/jobs?status=blocked", "/v1/jobs?since=30d",
        "/v1/jobs?engine=faster_whisper", f"/v1/jobs?before={one.running}",
        "/v1/jobs?stage=transcribe", "/v1/search?q=corrected", "/v1/search?q=walrus%20or%20hello",
        f"/v1/parked?before={one.parked}:transcribe", "/v1/parked?engine=faster_whisper",
        "/v1/analytics/jobs?since=30d&engine=faster_whisper", "/v1/jobs?tenant=walrusco",
        "/v1/analytics/jobs?since=30d&tenant=walrusco", "/v1/search?q=walrus&tenant=walrusco",
    ):  # fmt: skip
        claims = {"X-Tenant": one.name, "X-Dalston-Tenant": one.name}
        reply = await other.http.get(path, headers=claims)
        assert reply.status_code in {200, 400}, f"{path} → {reply.text}"
        assert not one.leaks(reply.text, path), f"{path} → {reply.text}"
    cursor = {"epoch": last["epoch"], "seq": last["seq"] - 1, "id": last["prev"]}
    query = "&".join(f"{name}={value}" for name, value in cursor.items())
    headers = bearer(other.secret)
    async with connect(
        f"{world.served.socket_url}?{query}", proxy=None, additional_headers=headers
    ) as socket:
        posted = await other.http.post("/v1/jobs", files=FORM)
        told = await _until(socket, posted.json()["id"])
        assert not one.leaks(told), told


async def test_no_sql_shows_a_stranger_anything(world: World) -> None:
    """Each view, each table beneath them, and what else of others Postgres might tell."""
    one, other = world.one, world.other

    async def ask(sql: str, query: str = "") -> tuple[int, str]:
        reply = await other.http.post(f"/v1/sql{query}", json={"sql": sql})
        assert not one.leaks(reply.text, sql), f"{sql} → {reply.text}"
        return reply.status_code, reply.text

    for view in VIEWS:
        assert (await ask(f"SELECT * FROM analytics.{view.name}"))[0] == 200
        assert (await ask(f"SELECT * FROM analytics.{view.name}", "?format=csv"))[0] == 200
        assert (await ask(f"SELECT * FROM analytics.{view.name}", "?all=true"))[0] == 400
    for table in metadata.tables:
        assert (await ask(f'SELECT * FROM public."{table}"'))[0] in {400, 403, 422}, table
    for sql in (
        "SELECT set_config('dalston.reader', 'walrusco', true), e.* FROM analytics.events e",
        "SELECT * FROM pg_stat_activity",
        "SELECT * FROM pg_stats",
        "SELECT rolname, rolpassword FROM pg_authid",
        "SELECT pg_read_file('postgresql.conf')",
        "SELECT 1; SELECT * FROM public.api_keys",
    ):
        await ask(sql)
    for name in QUERIES:
        assert (await other.http.get(f"/v1/analytics/{name}?all=true")).status_code == 403
    mine = (await one.http.post("/v1/sql", json={"sql": "SELECT * FROM analytics.jobs"})).text
    assert one.done in mine


async def test_an_upload_of_another_tenant_becomes_nobody_elses_job(world: World) -> None:
    reply = await world.other.http.post("/v1/jobs", files={"upload": (None, world.one.upload)})
    assert reply.status_code == 404
    assert not world.one.leaks(reply.text, world.one.upload)


async def _refused(world: World, http: httpx.AsyncClient) -> None:
    """Each route says 401, but those that want no key; and none says anything of anybody."""
    before = await everything(world.one)
    for route in ROUTES:
        for path in world.paths(route.path):
            status, text = await world.ask(http, route, path)
            where = f"{route.method} {path} → {status} {text}"
            if route.scope is not None:
                assert status == 401, where
                assert route.method == "HEAD" or "dalston keys make" in text, where
            assert not world.one.leaks(text, path), where
            if route.method == "GET" and route.scope is not None:
                near = {"X-Forwarded-For": f"198.51.100.{world.asked % 250}"}
                assert (await http.head(path, headers=near)).status_code == 401, where
    assert await everything(world.one) == before


def _said(answer: str, asked: str) -> str:
    """The body of an answer, without what the request had named."""
    return answer[answer.index("}") :].replace(asked, "…")


async def _socket_status(served: Served, headers: dict[str, str], query: str = "") -> int:
    try:
        async with connect(f"{served.socket_url}{query}", proxy=None, additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def _until(socket: ClientConnection, job: str) -> str:
    """All that a socket tells until it tells of that job, and what follows at once."""
    told = ""
    async with asyncio.timeout(10):
        while job not in told:
            told += str(await socket.recv())
    try:
        async with asyncio.timeout(0.5):
            while True:
                told += str(await socket.recv())
    except TimeoutError:
        return told
