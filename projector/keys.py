"""Who may ask: API keys, the sessions and tickets made with them, and what the server alone knows.

A secret is 256 random bits and is given out once; what is kept of it is its sha256. No salt and no
slow hash: those are for words that people choose, and nobody tries 2^256 of these.
"""

import hashlib
import hmac
import re
import secrets
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from streams.ids import new_id

_FORM = re.compile(r"(dk_[0-9a-f]{8})_[A-Za-z0-9_-]{43}")
SHARE, FIRST = "share", "first key"
"""Names in the table of secrets: what signs share links, and that a first key was made."""


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it may be shown: ``prefix`` is the part of its secret that tells it from others."""

    id: str
    prefix: str
    name: str
    tenant: str
    scopes: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A key that somebody showed the secret of; ``wrong`` says why it does not count any more."""

    key: Key
    wrong: str = ""


MADE = text("""
    INSERT INTO api_keys (id, prefix, hash, name, tenant, scopes, expires_at)
    VALUES (:id, :prefix, :hash, :name, :tenant, :scopes, :expires_at) RETURNING *
""")
STATE = """
    CASE WHEN revoked_at IS NOT NULL THEN 'was revoked'
         WHEN expires_at <= now() THEN 'has expired' ELSE '' END AS wrong
"""
SHOWN = text(f"SELECT *, {STATE} FROM api_keys WHERE prefix = :prefix")  # noqa: S608 - our own words
USED = text("""
    UPDATE api_keys SET last_used_at = now()
    WHERE id = :id AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')
""")
ALL = text("SELECT * FROM api_keys ORDER BY id DESC")
REVOKED = text("""
    UPDATE api_keys SET revoked_at = coalesce(revoked_at, now()) WHERE id = :id RETURNING id
""")
SIGNED_OUT = text("DELETE FROM sessions WHERE key = :id")
VALID = text("""
    SELECT id FROM api_keys
    WHERE id = ANY(:ids) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
""")
SIGNED_IN = text("""
    INSERT INTO sessions (hash, key, expires_at)
    SELECT :hash, id, least(expires_at, now() + make_interval(secs => :seconds))
    FROM api_keys WHERE id = :key
""")
SESSION = text(f"""
    SELECT api_keys.*, {STATE.replace("expires_at", "api_keys.expires_at")}
    FROM sessions JOIN api_keys ON api_keys.id = sessions.key
    WHERE sessions.hash = :hash AND sessions.expires_at > now()
""")  # noqa: S608 - our own words
OUT = text("DELETE FROM sessions WHERE hash = :hash")
TICKET = text("""
    INSERT INTO tickets (hash, key, expires_at)
    VALUES (:hash, :key, now() + make_interval(secs => :seconds))
""")
REDEEMED = text(f"""
    WITH used AS (DELETE FROM tickets WHERE hash = :hash RETURNING key, expires_at)
    SELECT api_keys.*, {STATE.replace("expires_at", "api_keys.expires_at")}
    FROM used JOIN api_keys ON api_keys.id = used.key WHERE used.expires_at > now()
""")  # noqa: S608 - our own words
SPENT = (
    text("DELETE FROM sessions WHERE expires_at <= now()"),
    text("DELETE FROM tickets WHERE expires_at <= now()"),
)
SECRET = text("SELECT value FROM secrets WHERE name = :name")
KEPT = text("""
    INSERT INTO secrets (name, value) VALUES (:name, :value)
    ON CONFLICT DO NOTHING RETURNING name
""")


async def signing_secret(connection: AsyncConnection) -> bytes:
    """The 256 bits that share links are signed with; the same in every process of a stack.

    The first call ever makes them, so that one has to be on a connection that commits.
    """
    value = await connection.scalar(SECRET, {"name": SHARE})
    if value is None:
        await connection.execute(KEPT, {"name": SHARE, "value": secrets.token_hex(32)})
        value = await connection.scalar(SECRET, {"name": SHARE})
    return bytes.fromhex(str(value))


async def make(
    connection: AsyncConnection,
    *,
    name: str,
    tenant: str,
    scopes: tuple[str, ...],
    expires_at: datetime | None = None,
) -> tuple[str, Key]:
    """A new key: its secret, which is nowhere kept, and what is kept."""
    prefix = f"dk_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    row = await connection.execute(
        MADE,
        {
            "id": new_id(), "prefix": prefix, "hash": digest(secret), "name": name,
            "tenant": tenant, "scopes": list(scopes), "expires_at": expires_at,
        },
    )  # fmt: skip
    return secret, _key(row.one())


async def first(connection: AsyncConnection, *, tenant: str) -> str | None:
    """The secret of the first admin key; None when one was made before, by whomever."""
    if await connection.scalar(KEPT, {"name": FIRST, "value": ""}) is None:
        return None
    return (await make(connection, name="first", tenant=tenant, scopes=("admin",)))[0]


async def show(connection: AsyncConnection, secret: str) -> Found | None:
    """The key of a secret, None when there is no such key."""
    form = _FORM.fullmatch(secret)
    if form is None:
        return None
    row = (await connection.execute(SHOWN, {"prefix": form[1]})).first()
    if row is None or not hmac.compare_digest(row.hash, digest(secret)):
        return None
    return _found(row)


async def used(connection: AsyncConnection, key_id: str) -> None:
    """Note that a key was used just now, to the minute."""
    await connection.execute(USED, {"id": key_id})


async def listed(connection: AsyncConnection) -> list[Key]:
    """Every key there ever was, the newest first."""
    return [_key(row) for row in await connection.execute(ALL)]


async def revoke(connection: AsyncConnection, key_id: str) -> bool:
    """End a key and its sessions for good; False when there is no such key."""
    found = await connection.scalar(REVOKED, {"id": key_id})
    await connection.execute(SIGNED_OUT, {"id": key_id})
    return found is not None


async def valid(connection: AsyncConnection, ids: list[str]) -> set[str]:
    """Those of the keys that still count."""
    return set(await connection.scalars(VALID, {"ids": ids}))


async def sign_in(connection: AsyncConnection, key_id: str, seconds: float) -> str:
    """A new session of a key, at most for as long as the key holds: what its cookie is to hold."""
    await _sweep(connection)
    secret = secrets.token_urlsafe(32)
    values = {"hash": digest(secret), "key": key_id, "seconds": seconds}
    await connection.execute(SIGNED_IN, values)
    return secret


async def session(connection: AsyncConnection, secret: str) -> Found | None:
    """The key of a session, None when there is no such session (any more)."""
    row = (await connection.execute(SESSION, {"hash": digest(secret)})).first()
    return _found(row) if row is not None else None


async def sign_out(connection: AsyncConnection, secret: str) -> None:
    """End a session."""
    await connection.execute(OUT, {"hash": digest(secret)})


async def ticket(connection: AsyncConnection, key_id: str, seconds: float) -> str:
    """What opens one socket within so many seconds."""
    await _sweep(connection)
    secret = secrets.token_urlsafe(32)
    await connection.execute(TICKET, {"hash": digest(secret), "key": key_id, "seconds": seconds})
    return secret


async def redeem(connection: AsyncConnection, secret: str) -> Found | None:
    """The key of a ticket, once: the second time, or too late, it is None."""
    row = (await connection.execute(REDEEMED, {"hash": digest(secret)})).first()
    return _found(row) if row is not None else None


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def _sweep(connection: AsyncConnection) -> None:
    for statement in SPENT:
        await connection.execute(statement)


def _found(row: Row[Any]) -> Found:
    return Found(key=_key(row), wrong=row.wrong)


def _key(row: Row[Any]) -> Key:
    fields = {name: getattr(row, name) for name in Key.__struct_fields__}
    return Key(**{**fields, "scopes": tuple(row.scopes)})
