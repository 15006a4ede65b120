"""The schema: made from nothing, again without harm, and the same as the tables say."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from projector import database
from projector.tables import metadata
from streams.settings import Settings


async def test_migrations_run_from_empty_and_again_and_at_once(settings: Settings) -> None:
    await asyncio.gather(*[database.migrate(settings) for _ in range(3)])
    await database.migrate(settings)
    engine = database.engine(settings)
    assert await database.version(engine) == database.HEAD
    await engine.dispose()


async def test_the_migrated_schema_is_the_one_that_the_tables_describe(settings: Settings) -> None:
    await database.migrate(settings)
    engine = database.engine(settings)

    def differences(connection: Connection) -> list[object]:
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, metadata))

    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()
