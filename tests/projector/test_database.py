"""The schema: made from nothing, again without harm, and the same as the tables say."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from projector import database
from projector.checkpoints import begin, claim, move, unclaimed
from projector.errors import CheckpointMoved, DatabaseNewer, FoldedByNewer, TablesBusy
from projector.queries import Checkpoint
from projector.rebuild import rebuild
from projector.tables import metadata
from streams.job import SCHEMA
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


async def test_a_migration_waits_for_a_long_reader_without_holding_up_all_others(
    settings: Settings,
) -> None:
    await database.migrate(settings)
    engine = database.engine(settings)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        await connection.execute(text("ALTER TABLE checkpoints DROP COLUMN schema"))
    async with engine.connect() as backup:
        await backup.execute(text("SELECT * FROM checkpoints"))
        with pytest.raises(TablesBusy, match="long transaction"):
            await database.migrate(settings)
        assert await database.version(engine) == "0001"
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO checkpoints VALUES ('x', 0, '', 1)"))
    await database.migrate(settings)
    assert await database.version(engine) == database.HEAD
    await engine.dispose()


async def test_a_release_that_was_taken_back_is_upgraded_once_more(settings: Settings) -> None:
    await database.migrate(settings)
    engine = database.engine(settings)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    await database.migrate(settings)
    assert await database.version(engine) == database.HEAD
    await engine.dispose()


async def test_a_schema_of_a_newer_version_stays_as_it_is(settings: Settings) -> None:
    await database.migrate(settings)
    engine = database.engine(settings)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await database.migrate(settings)
    assert await database.version(engine) == "9999"
    with pytest.raises(DatabaseNewer, match="9999"):
        await rebuild(settings)
    await engine.dispose()


async def test_a_checkpoint_that_a_newer_version_took_is_moved_by_no_older_one(
    settings: Settings,
) -> None:
    await database.migrate(settings)
    engine = database.engine(settings)
    async with engine.begin() as connection:
        await begin(connection, "fold")
        await move(connection, "fold", Checkpoint(), Checkpoint(1, "a", 1))
        await claim(connection, "fold", SCHEMA + 1)
    async with engine.begin() as connection:
        with pytest.raises(FoldedByNewer, match="stands by"):
            await unclaimed(connection, "fold")
        with pytest.raises(CheckpointMoved):
            await move(connection, "fold", Checkpoint(1, "a", 1), Checkpoint(2, "b", 1))
    await engine.dispose()


async def test_a_checkpoint_bears_the_schema_of_the_states_that_were_folded_and_never_less(
    settings: Settings,
) -> None:
    await database.migrate(settings)
    engine = database.engine(settings)
    at = [Checkpoint(), *(Checkpoint(seq, "a", 1) for seq in (1, 2, 3))]
    bears = []
    async with engine.begin() as connection:
        await begin(connection, "fold")
        for before, to, holds in zip(at, at[1:], (1, SCHEMA, 2), strict=False):
            await move(connection, "fold", before, to, holds)
            bears.append(await connection.scalar(text("SELECT schema FROM checkpoints")))
    await engine.dispose()
    assert bears == [1, SCHEMA, SCHEMA]
