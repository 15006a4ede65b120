"""The handlers of keys, of the page's session, and of the tickets for its sockets."""

import logging
from datetime import UTC, datetime

import msgspec
from starlette.responses import Response

from projector import keys
from streams.ids import is_id
from web.auth import COOKIE, address
from web.call import Call, json
from web.callers import NOBODY, Caller
from web.errors import BadRequest, NotFound
from web.key_views import KeyList, KeyView, MadeKey, Me, NewKey, SignIn, Ticket

SESSION_S = 7 * 86400
TICKET_S = 30.0
log = logging.getLogger(__name__)
NO_STORE = {"Cache-Control": "no-store"}


async def me(call: Call) -> Response:
    """GET /v1/me."""
    return _told(call.caller)


async def sign_in(call: Call) -> Response:
    """POST /v1/session: a fresh session each time, whatever cookie came along."""
    door, shown = call.web.door, await call.body(SignIn)
    if door.open:
        return _told(call.caller)
    caller = await door.known("key", shown.key.strip(), address(call.request))
    assert caller.key_id is not None
    async with call.web.backends.writing() as connection:
        secret = await keys.sign_in(connection, caller.key_id, SESSION_S)
    answer = _told(msgspec.structs.replace(caller, auth="session"))
    answer.set_cookie(
        COOKIE,
        secret,
        max_age=SESSION_S,
        path="/",
        secure=call.request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def sign_out(call: Call) -> Response:
    """DELETE /v1/session."""
    if secret := call.request.cookies.get(COOKIE):
        async with call.web.backends.writing() as connection:
            await keys.sign_out(connection, secret)
        call.web.door.forget()
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
    return answer


async def ticket(call: Call) -> Response:
    """POST /v1/tickets: without keys a socket needs none, and may bring one."""
    key_id = call.caller.key_id
    if key_id is None:
        return json(Ticket("open", TICKET_S), 201, NO_STORE)
    async with call.web.backends.writing() as connection:
        secret = await keys.ticket(connection, key_id, TICKET_S)
    return json(Ticket(secret, TICKET_S), 201, NO_STORE)


async def listed(call: Call) -> Response:
    """GET /v1/keys."""
    async with call.web.backends.reading() as connection:
        found = await keys.listed(connection)
    return json(KeyList([_view(key) for key in found]))


async def make(call: Call) -> Response:
    """POST /v1/keys."""
    wanted = await call.body(NewKey)
    if wanted.expires_at is not None and wanted.expires_at <= datetime.now(UTC):
        raise BadRequest(f"'expires_at' is in the past: {wanted.expires_at.isoformat()}.")
    async with call.web.backends.writing() as connection:
        secret, key = await keys.make(
            connection,
            name=wanted.name,
            tenant=wanted.tenant or call.tenant,
            scopes=tuple(dict.fromkeys(wanted.scopes)),
            expires_at=wanted.expires_at,
        )
    log.info("%s made the key %s of %s", call.caller.key or "somebody", key.prefix, key.tenant)
    return json(MadeKey(secret, _view(key)), 201, NO_STORE)


async def revoke(call: Call) -> Response:
    """DELETE /v1/keys/{id}: what it has open ends, too."""
    key_id = call.request.path_params["id"]
    found = False
    if is_id(key_id):
        async with call.web.backends.writing() as connection:
            found = await keys.revoke(connection, key_id)
    if not found:
        raise NotFound(f"There is no key {key_id[:40]!r}. GET /v1/keys lists those that there are.")
    call.web.door.forget()
    log.info("%s revoked the key with the id %s", call.caller.key or "somebody", key_id)
    return Response(status_code=204)


def _told(caller: Caller) -> Response:
    assert caller is not NOBODY
    return json(msgspec.convert(caller, Me, from_attributes=True), 200, NO_STORE)


def _view(key: keys.Key) -> KeyView:
    return msgspec.convert(key, KeyView, from_attributes=True)
