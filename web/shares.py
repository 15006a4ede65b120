"""Links by which whoever has one may read one job, until they expire or are taken back.

A link is a signed sentence, so none is kept: only when the links to a job were last taken back.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NoBase64
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response

from projector import shares
from projector.keys import signing_secret
from web.backends import Backends
from web.call import SHARE, Call, json
from web.callers import Caller, sharing
from web.errors import Forbidden, Gone, Unauthorized
from web.finding import found
from web.jobs import kept

LONGEST_S = 90 * 24 * 3600
WEEK_S = 7 * 24 * 3600
ASK = "Ask whoever gave it to you for another."


class ShareBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how long the link is to hold."""

    expires_in_s: Annotated[int, Meta(ge=60, le=LONGEST_S)] = WEEK_S


class Share(msgspec.Struct, frozen=True):
    """A link: ``path`` on the page, where browsers keep the token from servers and their logs."""

    token: str
    path: str
    expires_at: datetime


class Link(msgspec.Struct, frozen=True):
    """What the token says: to which job, of whom, until when, made when."""

    job: str
    tenant: str
    expires_at: datetime
    made_at: datetime


async def make(call: Call) -> Response:
    """POST /v1/jobs/{id}/shares."""
    body = await call.body(ShareBody)
    kept(await found(call.web, call.job_id, call.tenant), call.job_id)
    async with call.web.backends.writing() as connection:
        secret = await signing_secret(connection)
        made_at = await shares.now(connection)
    until = made_at + timedelta(seconds=body.expires_in_s)
    token = signed(Link(call.job_id, call.tenant, until, made_at), secret)
    return json(Share(token, f"/shared/{call.job_id}#{token}", until), 201)


async def void(call: Call) -> Response:
    """DELETE /v1/jobs/{id}/shares: the links made until now hold no longer."""
    await found(call.web, call.job_id, call.tenant)
    async with call.web.backends.writing() as connection:
        await shares.void(connection, call.job_id)
    return Response(status_code=204)


async def caller(backends: Backends, request: Request) -> Caller:
    """Whoever shows a link to the job of the path.

    Raises:
        Unauthorized: it is no link, of another job, too old, or was taken back.
        Forbidden: it asks for what the owner has corrected since.
        Gone: the job was erased.
    """
    token, job_id = request.query_params[SHARE], request.path_params["id"]
    async with backends.reading() as connection:
        link = read(token, await signing_secret(connection))
        if link is None or link.job != job_id:
            raise Unauthorized(f"This is no link to this job: see that it is whole. {ASK}")
        standing = await shares.standing(connection, link.job, link.tenant)
    if standing is None:
        raise Unauthorized(f"The job of this link is not here. {ASK}")
    if standing.erased:
        raise Gone(f"Job {link.job} was erased, its links too.")
    if standing.now >= link.expires_at:
        raise Unauthorized(f"The link expired on {link.expires_at:%Y-%m-%d %H:%M} UTC. {ASK}")
    if standing.void_at is not None and link.made_at <= standing.void_at:
        raise Unauthorized(f"The link was taken back. {ASK}")
    if "at" in request.query_params or request.query_params.get("version") == "original":
        raise Forbidden("A link shows the job as it is now, not what it was before.")
    return sharing(link.tenant)


def signed(link: Link, secret: bytes) -> str:
    """The token of a link."""
    payload = urlsafe_b64encode(msgspec.json.encode(link))
    return f"{payload.decode()}.{_signature(payload, secret)}".replace("=", "")


def read(token: str, secret: bytes) -> Link | None:
    """What a token says, None when we did not sign it."""
    text, _, signature = token.partition(".")
    try:
        payload = urlsafe_b64encode(urlsafe_b64decode(_padded(text)))
        if not hmac.compare_digest(signature, _signature(payload, secret)):
            return None
        return msgspec.json.decode(urlsafe_b64decode(payload), type=Link)
    except (ValueError, TypeError, NoBase64, msgspec.MsgspecError):
        return None


def _signature(payload: bytes, secret: bytes) -> str:
    digest = hmac.new(secret, payload, sha256).digest()
    return urlsafe_b64encode(digest).decode().replace("=", "")


def _padded(text: str) -> str:
    return text + "=" * (-len(text) % 4)
