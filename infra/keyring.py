"""API keys where they lie, in Postgres: for whoever runs the machine and has no key (any more)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import database, keys
from streams.settings import Settings
from web.callers import DEFAULT
from web.key_views import KeyView, MadeKey, NewKey


class Keyring:
    """Does with Postgres what `infra.client.Client` does with the API, by the same names."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def keys(self) -> list[KeyView]:
        """Every key there ever was, the newest first."""
        async with self._engine.connect() as connection:
            return [_view(key) for key in await keys.listed(connection)]

    async def make_key(self, wanted: NewKey) -> MadeKey:
        """A new key and its secret."""
        async with self._engine.begin() as connection:
            secret, key = await keys.make(
                connection,
                name=wanted.name,
                tenant=wanted.tenant or DEFAULT,
                scopes=wanted.scopes,
                expires_at=wanted.expires_at,
            )
        return MadeKey(secret, _view(key))

    async def revoke_key(self, key_id: str) -> None:
        """End a key and its sessions for good."""
        async with self._engine.begin() as connection:
            await keys.revoke(connection, key_id)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Keyring]:
    """The keys in the database of the settings."""
    engine = database.engine(settings, pool=1)
    try:
        yield Keyring(engine)
    finally:
        await engine.dispose()


def _view(key: keys.Key) -> KeyView:
    return msgspec.convert(key, KeyView, from_attributes=True)
