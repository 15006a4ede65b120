"""Who else may use the database, and for what: the web, and whoever asks questions by SQL.

Both are roles of their own, named after the database: DATABASE_web and DATABASE_reader. The owner
of the tables makes them, gives them what is written here, and takes from everybody (PUBLIC) a few
functions with which a reader could hold up others. What cannot be had is told: see projector.gaps.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

import asyncpg
import msgspec

from projector import database, store
from projector.errors import TablesBusy
from projector.gaps import DANGERS, gaps
from projector.scram import verifier
from streams.settings import Settings

logger = logging.getLogger(__name__)

READ, ADD = "SELECT", "SELECT, INSERT, UPDATE"
ALL = "SELECT, INSERT, UPDATE, DELETE"
WEB = {
    "events": READ, "checkpoints": READ, "jobs": READ, "stages": READ, "unknown_events": READ,
    "segments": READ, "submissions": ADD, "uploads": ALL, "api_keys": ADD, "sessions": ALL,
    "tickets": ALL, "shares": ADD, "secrets": ADD, "alembic_version": READ,
}  # fmt: skip
"""Table → what the web may do with it. It changes no fact, and no table's shape."""
VIEWS = ("events", "jobs", "stages", "attempts", "segments", "talk", "edits")
LONGEST = 56
"""Characters of a database's name that leave room for a role's."""
READER = {
    "default_transaction_read_only": "on", "statement_timeout": "15s", "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "20s", "search_path": "analytics", "work_mem": "16MB",
    "jit": "off", "max_parallel_workers_per_gather": "0", "client_connection_check_interval": "2s",
    "timezone": "UTC",
}  # fmt: skip
SUPER = {"track_activities": "off", "temp_file_limit": "1GB"}
"""What only a superuser can set, and so no reader can set back: nobody sees another's question."""
CONNECTIONS = 16
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
AWAY = (
    asyncpg.LockNotAvailableError, asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError, asyncpg.CannotConnectNowError,
)  # fmt: skip
"""Not about rights: try again."""


class Names(msgspec.Struct, frozen=True):
    """The two roles of a database."""

    web: str
    reader: str


async def names(driver: store.Connection) -> Names:
    """What the roles of this database are called."""
    name = str(await driver.fetchval("SELECT current_database()"))[:LONGEST]
    return Names(f"{name}_web", f"{name}_reader")


async def ensure(settings: Settings, web_password: str = "") -> str:
    """Make both roles as they should be; what keeps SQL from being offered, or "".

    Args:
        web_password: of the web's role; without one it gets in only where none is asked for.
    """
    pool = database.engine(settings, pool=1)
    try:
        async with pool.begin() as connection:
            driver = await database.raw(connection)
            await driver.execute(f"SELECT pg_advisory_xact_lock({database.MIGRATION_LOCK})")
            await driver.execute(f"SET LOCAL lock_timeout = '{database.LOCK_MS}ms'")
            trouble = await _ensure(driver, web_password)
            await _keep(driver, "reader_gaps", trouble)
    except asyncpg.LockNotAvailableError:
        raise TablesBusy("the roles wait for a long transaction on the tables") from None
    finally:
        await pool.dispose()
    if trouble:
        logger.warning("no SQL is offered to those who ask: %s", trouble)
    return trouble


async def _ensure(driver: store.Connection, web_password: str) -> str:
    await _new(driver, "reader")
    password = await _new(driver, "reader_password")
    own = await names(driver)
    steps: tuple[Callable[[], Awaitable[None]], ...] = (
        partial(_role, driver, own.web, web_password),
        partial(_role, driver, own.reader, password),
        partial(_set, driver, own.reader, READER),
        partial(grant, driver),
        partial(_set, driver, own.reader, SUPER),
        partial(_take, driver, own.reader),
    )
    for step in steps:
        try:
            async with driver.transaction():
                await step()
        except AWAY:
            raise
        except asyncpg.PostgresError as error:  # what that leaves open, `gaps` finds
            logger.info("a role is not as it should be: %s", error)
    return await gaps(driver, own.reader)


async def _role(driver: store.Connection, name: str, password: str) -> None:
    role = quoted(name)
    if not await driver.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
        await driver.execute(f"CREATE ROLE {role} LOGIN NOINHERIT")
    kept = f"'{verifier(password)}'" if password else "NULL"
    await driver.execute(f"ALTER ROLE {role} LOGIN PASSWORD {kept}")


async def _set(driver: store.Connection, reader: str, settings: Mapping[str, str]) -> None:
    role, place = quoted(reader), quoted(await driver.fetchval("SELECT current_database()"))
    await driver.execute(f"ALTER ROLE {role} CONNECTION LIMIT {CONNECTIONS}")
    for setting, value in settings.items():
        await driver.execute(f"ALTER ROLE {role} IN DATABASE {place} SET {setting} = '{value}'")


async def grant(driver: store.Connection) -> None:
    """Give the roles that there are what they may have; again when a rebuild made new tables."""
    own = await names(driver)
    schema = quoted(await driver.fetchval("SELECT current_schema()"))
    there = {row[0] for row in await driver.fetch("SELECT rolname FROM pg_roles")}
    if own.web in there:
        role = quoted(own.web)
        statements = [f"GRANT USAGE ON SCHEMA {schema} TO {role}"]
        tables = {row[0] for row in await driver.fetch(TABLES)}
        statements += [
            f"GRANT {what} ON {schema}.{table} TO {role}"
            for table, what in WEB.items()
            if table in tables
        ]
        await driver.execute(";".join(statements + _asking(role)))
    if own.reader in there:
        await driver.execute(";".join(_asking(quoted(own.reader))))


def _asking(role: str) -> list[str]:
    views = ", ".join(f"analytics.{view}" for view in VIEWS)
    return [
        f"GRANT USAGE ON SCHEMA analytics TO {role}",
        f"GRANT SELECT ON {views} TO {role}",
        f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA analytics TO {role}",
    ]


async def _take(driver: store.Connection, reader: str) -> None:
    """Take from everybody what a reader could hold up others with; the owner keeps it."""
    place = quoted(await driver.fetchval("SELECT current_database()"))
    await driver.execute(f"REVOKE TEMPORARY ON DATABASE {place} FROM PUBLIC")
    for row in await driver.fetch(DANGERS, reader):
        await driver.execute(
            f"REVOKE EXECUTE ON FUNCTION {row[0]} FROM PUBLIC, {quoted(reader)};"
            f"GRANT EXECUTE ON FUNCTION {row[0]} TO CURRENT_USER"
        )


async def _new(driver: store.Connection, name: str) -> str:
    """A secret, random when there is none yet."""
    await driver.execute(
        "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        name, secrets.token_hex(32),
    )  # fmt: skip
    return str(await driver.fetchval("SELECT value FROM secrets WHERE name = $1", name))


async def _keep(driver: store.Connection, name: str, value: str) -> None:
    await driver.execute(
        "INSERT INTO secrets (name, value) VALUES ($1, $2) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name, value,
    )  # fmt: skip


def quoted(name: str) -> str:
    """An identifier that means just this name."""
    return '"' + name.replace('"', '""') + '"'
