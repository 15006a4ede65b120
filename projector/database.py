"""Postgres through SQLAlchemy and asyncpg: the pool, and the schema brought up to date."""

from pathlib import Path

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from streams.settings import Settings

HEAD = "0001"
"""The newest migration, so that a start on a current schema need not load Alembic (12 MB)."""
MIGRATION_LOCK = 0xDA157041
CONNECT_S = 10
AWAY = (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""How a server answers that is away, starting, or going."""


def engine(settings: Settings, *, pool: int = 5) -> AsyncEngine:
    """A pool of connections to the database of the settings.

    asyncpg reads the DSN itself, so all that libpq takes works: ``?host=/socket``, ``sslmode``.
    """

    async def connect() -> "asyncpg.Connection[asyncpg.Record]":
        return await asyncpg.connect(
            settings.postgres_dsn,
            timeout=CONNECT_S,
            server_settings={"application_name": "dalston", "jit": "off"},
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=pool,
        max_overflow=2 * pool,
        pool_pre_ping=True,
    )


async def raw(connection: AsyncConnection) -> "asyncpg.Connection[asyncpg.Record]":
    """The asyncpg connection beneath, for COPY and bulk statements in the same transaction."""
    adapted = await connection.get_raw_connection()
    driver = adapted.driver_connection
    assert driver is not None
    return driver  # type: ignore[no-any-return]


async def migrate(settings: Settings) -> None:
    """Bring the schema up to date; of several processes that try, one does it, the others wait."""
    database = engine(settings, pool=1)
    try:
        if await version(database) == HEAD:
            return
        async with database.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
            )
            await connection.run_sync(_upgrade)
    finally:
        await database.dispose()


async def version(database: AsyncEngine) -> str | None:
    """The migration that the schema stands at, None before the first."""
    try:
        async with database.connect() as connection:
            found = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except ProgrammingError:
        return None
    return str(found) if found is not None else None


def _upgrade(connection: Connection) -> None:
    # Imported here: only the first start after an upgrade needs it, and it stays in memory.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
