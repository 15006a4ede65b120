"""Around every request: whose host it names, which site sent it, and what browsers may do with it.

A page of another site can make a browser send requests here. It cannot read the answers (no CORS),
but it could do harm with a POST, a socket, or with a name of its own that resolves to 127.0.0.1.
"""

import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from streams.ids import new_id
from web.errors import CrossSite, Misdirected, WebError, render
from web.metrics import Metrics
from web.settings import LOOPBACK, WebSettings, is_loopback, names

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def policy(nonce: str = "") -> str:
    """What a browser lets an answer do; the nonce is for styles that a script of ours makes."""
    styles = f"'self' 'nonce-{nonce}'" if nonce else "'self'"
    return (
        f"default-src 'none'; script-src 'self'; style-src {styles}; img-src 'self'; "
        "font-src 'self'; media-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


HEADERS = {
    "Content-Security-Policy": policy(),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Refuses what a stranger's page sent, and marks every answer."""

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._hosts = _hosts(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        marked = _marked(send)
        try:
            self._check(scope, Headers(scope=scope))
        except WebError as error:
            answer = render(error)
            if scope["type"] == "websocket":
                await WebSocket(scope, receive, marked).send_denial_response(answer)
            else:
                await answer(scope, receive, marked)
            return
        await self._app(scope, receive, marked)

    def _check(self, scope: Scope, headers: Headers) -> None:
        host = headers.get("host", "")
        if self._hosts is not None and _name(host) not in self._hosts:
            raise Misdirected(
                f"Host {host[:80]!r} is not served here. "
                "If it is a name of this server, add it to DALSTON_WEB_HOSTS."
            )
        if scope["type"] == "websocket" or scope["method"] not in SAFE:
            _check_site(headers, host)


def _check_site(headers: Headers, host: str) -> None:
    """Browsers say where a request comes from; other clients do not, and are no danger."""
    site = headers.get("sec-fetch-site", "")
    origin = headers.get("origin", "")
    same = not origin or urlsplit(origin).netloc.lower() == host.lower()
    if site not in {"", "same-origin", "none"} or not same:
        raise CrossSite(f"The request was sent by a page of another site ({origin or site}).")


def _hosts(settings: WebSettings) -> frozenset[str] | None:
    """The names answered to; None when any is fine: beyond loopback, and none were given."""
    given = names(settings)
    if given or is_loopback(settings.web_host):
        return given | LOOPBACK
    return None


def _name(host: str) -> str:
    """The name in a Host header, without the port and the brackets of IPv6."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()


def _marked(send: Send) -> Send:
    request_id = new_id()

    async def marked(message: Message) -> None:
        if message["type"] in {"http.response.start", "websocket.http.response.start"}:
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)  # the page has a policy with its nonce
            headers["X-Request-Id"] = request_id
        await send(message)

    return marked


class Timed:
    """Measures each request by its route."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = ["0"], time.perf_counter()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                status[0] = str(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = scope.get("dalston.route", "none")
            self._metrics.requests.labels(scope["method"], route, status[0]).observe(
                time.perf_counter() - began
            )
