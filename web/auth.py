"""Who is asking: by key, by the session of the page, by a ticket; or nobody in particular.

A key that was proved counts for KNOWN_S seconds without a query. So a revoked one ends within that
time in every process, and what it has open ends with it: `web.watch`.
"""

import logging
import math
import time
from collections import OrderedDict
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Literal

from starlette.requests import HTTPConnection

from projector import database, keys
from projector.keys import Found
from web.backends import Backends
from web.callers import NOBODY, OPEN, Caller, Need
from web.errors import Forbidden, TooMany, Unauthorized
from web.settings import wants_keys
from web.tries import Tries

log = logging.getLogger(__name__)

COOKIE = "dalston_session"
KNOWN_S = 2.0
REMEMBERED = 10_000
USED_EVERY = timedelta(minutes=1)
WANTED = (
    "This server wants a key: send 'Authorization: Bearer dk_…' (the command line sends "
    "DALSTON_API_KEY), or sign in on the page. `dalston keys make` makes one on its machine."
)
Kind = Literal["key", "session", "ticket"]


class Door:
    """Knows callers by what they show."""

    def __init__(self, backends: Backends) -> None:
        self.open = not wants_keys(backends.settings)
        self._backends = backends
        self._tries = Tries()
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        """By the digest of what was shown: when it was proved, and whose it is."""

    async def caller(self, connection: HTTPConnection, need: Need) -> Caller:
        """Who asks, and may do what the route wants.

        Raises:
            Unauthorized: no key, or one that does not count (any more).
            Forbidden: the key has not that scope.
            TooMany: the address showed too many wrong ones.
        """
        if self.open:
            return OPEN
        if need is None:
            return NOBODY
        kind, secret = _shown(connection)
        return check(await self.known(kind, secret, address(connection)), need)

    async def known(self, kind: Kind, secret: str, where: str) -> Caller:
        """Whose secret it is that was shown from an address; raise as `caller` does."""
        name, now = keys.digest(secret), time.monotonic()
        proved, caller = self._known.get(name, (-math.inf, None))
        if caller is not None and now - proved < KNOWN_S:
            return caller
        if caller is None and kind == "key" and self._tries.too_many(where, now):
            raise TooMany("Too many wrong keys came from your address: wait a minute.")
        found = await self._ask(kind, secret)
        if found is None or found.wrong:
            self._known.pop(name, None)
            # A page whose session is over guesses nothing, nor does whoever has a whole old key.
            if kind == "key" and found is None:
                self._tries.failed(where, now)
            raise Unauthorized(_wrong(kind, found))
        caller = _caller(kind, found)
        if kind != "ticket":
            self._remember(name, caller, now)
            await self._note(found.key)
        return caller

    def forget(self) -> None:
        """Ask Postgres again about everybody: a key was revoked here, or somebody signed out."""
        for name, (_, caller) in self._known.items():
            self._known[name] = (-math.inf, caller)

    async def _ask(self, kind: Kind, secret: str) -> Found | None:
        if kind == "ticket":
            async with self._backends.writing() as connection:
                return await keys.redeem(connection, secret)
        async with self._backends.reading() as connection:
            if kind == "session":
                return await keys.session(connection, secret)
            return await keys.show(connection, secret)

    def _remember(self, name: str, caller: Caller, now: float) -> None:
        self._known[name] = (now, caller)
        self._known.move_to_end(name)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _note(self, key: keys.Key) -> None:
        """Keep when the key was used last; a full disk is no reason to refuse a reader."""
        last = key.last_used_at
        if last is not None and datetime.now(UTC) - last < USED_EVERY:
            return
        with suppress(*database.AWAY):
            async with self._backends.writing() as connection:
                await keys.used(connection, key.id)


def check(caller: Caller, need: Need) -> Caller:
    """The caller, who may do that.

    Raises:
        Forbidden: their key has not that scope.
    """
    if not caller.may(need):
        has = " and ".join(caller.scopes) or "nothing"
        raise Forbidden(
            f"This wants the scope {need}, and the key {caller.key} has {has}. "
            "An admin makes another: `dalston keys make`."
        )
    return caller


def address(connection: HTTPConnection) -> str:
    """Where a request comes from."""
    return connection.client.host if connection.client else ""


def _shown(connection: HTTPConnection) -> tuple[Kind, str]:
    """What the request shows of its caller: a socket a key or a ticket, all else no ticket."""
    if header := connection.headers.get("authorization"):
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("The header Authorization is to read 'Bearer dk_…'.")
        return "key", secret.strip()
    if connection.scope["type"] == "websocket":
        if ticket := connection.query_params.get("ticket"):
            return "ticket", ticket
        raise Unauthorized(f"{WANTED} A browser's socket wants a ticket: POST /v1/tickets.")
    if session := connection.cookies.get(COOKIE):
        return "session", session
    raise Unauthorized(WANTED)


def _wrong(kind: Kind, found: Found | None) -> str:
    """Why it does not count; whoever has the whole secret of a key may know what became of it."""
    if found is not None:
        return f"The key {found.key.prefix} {found.wrong}. {WANTED}"
    return {
        "key": f"There is no such key. {WANTED}",
        "session": "The session is over: sign in again.",
        "ticket": "A ticket opens one socket, within 30 seconds: get a fresh one.",
    }[kind]


def _caller(kind: Kind, found: Found) -> Caller:
    key = found.key
    return Caller(
        auth="session" if kind == "session" else "key",
        tenant=key.tenant,
        scopes=key.scopes,
        name=key.name,
        key=key.prefix,
        key_id=key.id,
    )
