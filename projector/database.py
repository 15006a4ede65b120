"""Postgres through SQLAlchemy and asyncpg: the pool, and the schema brought up to date."""

import logging
from pathlib import Path

import asyncpg
from asyncpg.exceptions import LockNotAvailableError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from projector.errors import TablesBusy
from projector.views import install
from streams.settings import Settings

logger = logging.getLogger(__name__)

HEAD = "0007"
"""The newest migration, so that a start on a current schema need not load Alembic (12 MB)."""
MIGRATION_LOCK = 0xDA157041
LOCK_MS = 500
"""How long a migration waits for a table: whoever comes after it waits as long."""
CONNECT_S = 10
SESSION = {
    "application_name": "dalston", "jit": "off", "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
    "idle_in_transaction_session_timeout": "60s",
}  # fmt: skip
"""Whose client is gone without a word is noticed in half a minute, and its locks are freed."""
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
            server_settings=SESSION,
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
    """Bring the schema up to date; of several processes that try, one does it, the others wait.

    A newer schema stays as it is: for the version before it, it only holds more.

    Raises:
        TablesBusy: a long transaction reads what is to change; nothing was changed, try again.
    """
    database = engine(settings, pool=1)
    try:
        found = await version(database)
        if found == HEAD:
            return
        if found is not None and found > HEAD:
            logger.warning("the database is at %s, of a newer version; this one is %s", found, HEAD)
            return
        async with database.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}
            )
            await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_MS}ms'"))
            await connection.run_sync(_upgrade)
            await install(await raw(connection))
            logger.info("the database is at %s now, it was at %s", HEAD, found)
    except DBAPIError as error:
        if not isinstance(error.orig.__cause__, LockNotAvailableError):  # type: ignore[union-attr]
            raise
        raise TablesBusy(
            "the migration waits for a long transaction on the tables, such as a backup's"
        ) from None
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
