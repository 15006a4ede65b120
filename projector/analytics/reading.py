"""One question by SQL, asked as the reader's role: one SELECT, one tenant, rows and time limited.

The statement is what a cursor is declared for, in a prepared statement: so it is one, and it
reads. The transaction is read only and says whose rows it may see, signed: see functions.sql. Each
question has a connection of its own, so that nothing it sets or locks outlives it.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import msgspec

from projector import roles, store
from projector.database import CONNECT_S
from projector.errors import SqlOff, SqlRefused

EVERYBODY = "*"
"""Instead of a tenant: the rows of all of them."""
LIMIT_S = 10.0
PAGE = 500
ROOM = 16 * 1024 * 1024
"""Bytes of one answer as JSON that is held in memory."""
SECRETS = """
    SELECT name, value FROM secrets WHERE name IN ('reader', 'reader_password', 'reader_gaps')
"""
OURS = (
    asyncpg.AdminShutdownError, asyncpg.CrashShutdownError, asyncpg.CannotConnectNowError,
    asyncpg.DiskFullError, asyncpg.PostgresConnectionError,
)  # fmt: skip
"""What is no fault of the question."""
SESSION = {"application_name": "dalston-reader", "jit": "off", "timezone": "UTC"}


class Column(msgspec.Struct, frozen=True):
    """A column of an answer; ``type`` is Postgres's name of it."""

    name: str
    type: str


class Login(msgspec.Struct, frozen=True):
    """The secret that signs tenants, and the reader's role; without one it is that of the DSN."""

    secret: str
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        """Without what opens a door."""
        return f"Login(user={self.user!r})"


def sign(secret: str, tenant: str) -> str:
    """What dalston.reader is set to for a tenant: analytics.tenant() knows the same secret."""

    def digest(text: str) -> str:
        return hashlib.sha256(text.encode()).hexdigest()

    return f"{digest(secret + digest(secret + tenant))}:{tenant}"


class Answer:
    """The columns, and the rows as they come."""

    def __init__(self, driver: store.Connection, columns: list[Column], deadline: float) -> None:
        self.columns = columns
        self.truncated = False
        self._driver, self._deadline = driver, deadline

    async def pages(self, limit: int, room: int = ROOM) -> AsyncIterator[list[list[Any]]]:
        """At most ``limit`` rows, in lists; afterwards ``truncated`` says whether there are more.

        Args:
            room: bytes that they may have as JSON.

        Raises:
            SqlRefused: it failed on the way, or took too long, or is too large.
        """
        left = limit
        while left > 0:
            found = await self._page(min(PAGE, left), room)
            room -= sum(map(len, found))
            left -= len(found)
            if found:
                yield [_values(line) for line in found]
            if len(found) < min(PAGE, left + len(found)):
                return
        self.truncated = bool(await self._page(1, room))

    async def _page(self, size: int, room: int) -> list[str]:
        # Again before each page: the question itself may have set it to something else.
        await limit(self._driver, self._deadline)
        rows = await self._driver.fetch(
            "SELECT analytics.page('asked', $1, $2)", size, max(room, 0)
        )
        return [row[0] for row in rows]


async def trouble(own: store.Connection) -> str:
    """Why SQL of others cannot be asked here, or ""."""
    return (await _kept(own)).get("reader_gaps", "the projector has not prepared it yet: start it")


async def login(own: store.Connection, *, ours: bool = False) -> Login:
    """How a question gets in; ``own`` is a connection that may read the table of secrets.

    Args:
        ours: the text is of this program: without a reader's role it is asked with our own rights.

    Raises:
        SqlOff: the reader's role is not there, or is not safe; the message says why.
    """
    kept, why = await _kept(own), await trouble(own)
    if not why:
        user = (await roles.names(own)).reader
        return Login(kept["reader"], user, kept["reader_password"])
    if ours and "reader" in kept:
        return Login(kept["reader"])
    raise SqlOff(why)


async def _kept(own: store.Connection) -> dict[str, str]:
    return {row[0]: row[1] for row in await own.fetch(SECRETS)}


@asynccontextmanager
async def asked(
    dsn: str, login: Login, sql: str, tenant: str, *, limit_s: float = LIMIT_S
) -> AsyncIterator[Answer]:
    """Ask for the rows of a tenant, or of EVERYBODY.

    Raises:
        SqlOff: Postgres does not let the reader in.
        SqlRefused: it is no SELECT, it fails, or it takes longer than ``limit_s``.
    """
    if "\x00" in sql:
        raise SqlRefused("the statement holds a NUL character: take it out")
    if not sql.strip():
        raise SqlRefused("there is no statement: write SELECT …")
    deadline = asyncio.get_running_loop().time() + limit_s
    driver = await _connect(dsn, login)
    try:
        async with asyncio.timeout_at(deadline + 1):
            yield await _begin(driver, sql, sign(login.secret, tenant), deadline)
    except OURS:
        raise
    except asyncpg.PostgresError as error:
        raise SqlRefused(told(error, limit_s)) from None
    except TimeoutError:
        raise SqlRefused(late(limit_s)) from None
    except (UnicodeError, asyncpg.InterfaceError) as error:  # it set another encoding, say
        raise SqlRefused(f"the answer cannot be read: {error}") from None
    finally:
        driver.terminate()


async def _connect(dsn: str, login: Login) -> store.Connection:
    try:
        return await asyncpg.connect(
            dsn, user=login.user, password=login.password, timeout=CONNECT_S,
            server_settings=SESSION,
        )  # fmt: skip
    except asyncpg.InvalidAuthorizationSpecificationError as error:
        raise SqlOff(f"Postgres does not let its reader in: {error}") from None


async def _begin(driver: store.Connection, sql: str, signed: str, deadline: float) -> Answer:
    await driver.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    await driver.fetchval("SELECT set_config('dalston.reader', $1, true)", signed)
    await limit(driver, deadline)
    # Prepared, not executed as text: Postgres prepares one statement, never two.
    declared = await driver.prepare(f"DECLARE asked NO SCROLL CURSOR FOR {sql}")
    await declared.fetch()
    shape = await driver.prepare("FETCH 0 FROM asked")
    columns = [Column(column.name, column.type.name) for column in shape.get_attributes()]
    return Answer(driver, columns, deadline)


async def limit(driver: store.Connection, deadline: float) -> None:
    """Give the next statement what is left of the time."""
    left = max(int((deadline - asyncio.get_running_loop().time()) * 1000), 1)
    await driver.execute(f"SET LOCAL statement_timeout = {left}")


def _values(line: str) -> list[Any]:
    """The values of a row in order; two columns may have one name."""
    return [_plain(value) for _, value in json.loads(line, object_pairs_hook=Pairs)]


class Pairs(list[tuple[str, Any]]):
    """A JSON object that may have a name twice."""


def _plain(value: Any) -> Any:
    """A value as plain JSON: an object in a row has each of its names once."""
    if isinstance(value, Pairs):
        return {name: _plain(inner) for name, inner in value}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def told(error: asyncpg.PostgresError, limit_s: float) -> str:
    """What Postgres says, in one line, and what might help."""
    if isinstance(error, asyncpg.QueryCanceledError):
        return late(limit_s)
    said = [str(error.message or error).strip()]
    if error.hint:
        said.append(str(error.hint))
    return ". ".join(said)


def late(limit_s: float) -> str:
    """The words for a question that takes too long."""
    return f"it took longer than {limit_s:g} s: ask for a shorter time, or for less of it"
