"""A web that wants keys, and keys for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import msgspec

from projector import keys
from tests.web.conftest import Served, serving, until
from web.settings import WebSettings


@asynccontextmanager
async def keyed(settings: WebSettings, **changes: Any) -> AsyncIterator[Served]:
    """A web that wants keys, for as long as this lasts; the first one is not made."""
    wanted = {"auth": "keys", "first_key": False, **changes}
    async with serving(msgspec.structs.replace(settings, **wanted)) as running:
        await until(lambda: running.web.hub.live)
        yield running


async def key(
    served: Served,
    tenant: str = "acme",
    *scopes: str,
    name: str = "test",
    expires_at: datetime | None = None,
) -> tuple[str, keys.Key]:
    """A new key, made where it lies."""
    async with served.web.backends.writing() as connection:
        return await keys.make(
            connection, name=name, tenant=tenant, scopes=scopes or ("read", "write"),
            expires_at=expires_at,
        )  # fmt: skip


def bearer(secret: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {secret}"}


def client(served: Served, secret: str = "", **more: Any) -> httpx.AsyncClient:
    """A client of that web, with or without a key; it keeps cookies of its own."""
    headers = bearer(secret) if secret else {}
    return httpx.AsyncClient(base_url=served.url, headers=headers, timeout=30, **more)
