"""A database with its roles, and questions asked of it as the reader."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import database, roles, store
from projector.analytics import reading
from streams.settings import Settings


@dataclass
class Asker:
    """Asks as a tenant; ``driver`` is the owner's own connection."""

    dsn: str
    driver: store.Connection

    async def rows(
        self, sql: str, tenant: str = "acme", *, limit: int = 100_000, limit_s: float = 10
    ) -> list[list[Any]]:
        """All rows of the answer."""
        login = await reading.login(self.driver)
        async with reading.asked(self.dsn, login, sql, tenant, limit_s=limit_s) as answer:
            return [row async for page in answer.pages(limit) for row in page]

    async def value(self, sql: str, tenant: str = "acme") -> Any:
        """The only value of the answer."""
        [[value]] = await self.rows(sql, tenant)
        return value


@pytest.fixture
async def asker(settings: Settings, db: AsyncEngine) -> AsyncIterator[Asker]:
    assert await roles.ensure(settings) == ""
    async with db.connect() as connection:
        yield Asker(settings.postgres_dsn, await database.raw(connection))
