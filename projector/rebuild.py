"""The projection anew from the archive, beside the live one, compared row for row, swapped in."""

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
from asyncpg.exceptions import LockNotAvailableError
from sqlalchemy import MetaData, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.schema import CreateIndex, CreateTable

from projector import database, memory, roles, store
from projector.checkpoints import claim
from projector.database import raw
from projector.digest import digest
from projector.errors import DatabaseNewer, RebuildRunning, TablesBusy
from projector.queries import FOLD
from projector.shadow import OLD, SHADOW, Shadow, fetch
from projector.tables import PROJECTIONS
from projector.views import bind
from streams.settings import Settings

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many events are done, and how many there are."""

CLOSE = 500
"""Events behind the live tables at which they are held still for the last step."""
LOCK = 0xDA157042
LOCK_MS, SWAPS = 500, 20

POSITION = text("SELECT seq FROM checkpoints WHERE name = :name")
HOLD = text("SELECT seq FROM checkpoints WHERE name = :name FOR UPDATE")
ALONE = text("SELECT pg_try_advisory_lock(:lock)")


class TableReport(msgspec.Struct, frozen=True):
    """One table: rows and sha256 over all of them in order, of the old one and of the new one."""

    name: str
    live_rows: int
    live_sha256: str
    rebuilt_rows: int
    rebuilt_sha256: str

    @property
    def same(self) -> bool:
        """Row for row."""
        return (self.live_rows, self.live_sha256) == (self.rebuilt_rows, self.rebuilt_sha256)


class Report(msgspec.Struct, frozen=True):
    """What a rebuild found: ``same`` when the live tables were what the archive says."""

    events: int
    tables: tuple[TableReport, ...]

    @property
    def same(self) -> bool:
        """All tables."""
        return all(table.same for table in self.tables)


def silent(what: str, done: int, of: int) -> None:
    """The progress that nobody watches."""


async def rebuild(settings: Settings, progress: Progress = silent) -> Report:
    """Fold the whole archive into new tables and put them in place of the live ones.

    The projector goes on folding meanwhile; it waits for the last few events alone, however long
    the archive is. The new tables are swapped in whatever the comparison says, for they are what
    the archive says.

    Raises:
        DatabaseNewer: this version does not know all that the tables hold.
        RebuildRunning: somebody else is at it.
        TablesBusy: a transaction that reads the tables does not end; nothing was changed.
    """
    pool = database.engine(settings, pool=3)
    try:
        found = await database.version(pool)
        if found is not None and found > database.HEAD:
            raise DatabaseNewer(f"the database is at {found}, this version knows {database.HEAD}")
        async with pool.connect() as guard:
            if not await guard.scalar(ALONE, {"lock": LOCK}):
                raise RebuildRunning("another rebuild of this database is under way")
            try:
                with memory.seldom_collected():
                    return await Rebuild(pool, progress).run()
            finally:
                await guard.invalidate()  # the lock goes with its connection
    finally:
        await pool.dispose()


class Rebuild:
    """One rebuild: shadow tables, the jobs not written yet, and how far it has come."""

    def __init__(self, pool: AsyncEngine, progress: Progress) -> None:
        self._pool = pool
        self._progress = progress
        self._shadow = Shadow()
        self._seq = 0

    async def run(self) -> Report:
        """Fold, compare with a snapshot of the live tables, catch up, hold them still, swap."""
        await self._create()
        await self._catch_up()
        async with self._pool.begin() as connection:
            await self._index(connection)
        tables = await self._compare()
        for _ in range(SWAPS):
            await self._catch_up()
            if await self._swapped():
                return Report(self._seq, tables)
            await asyncio.sleep(LOCK_MS / 1000)
        raise TablesBusy("somebody reads the tables in one long transaction: end it and try again")

    async def _catch_up(self) -> None:
        """Fold until the live tables are hardly ahead; they go on meanwhile."""
        while (to := await self._position()) - self._seq > CLOSE or self._seq == 0 < to:
            await self._fold_to(to)

    async def _create(self) -> None:
        async with self._pool.begin() as connection:
            await connection.execute(text(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE"))
            await connection.execute(text(f"DROP SCHEMA IF EXISTS {OLD} CASCADE"))
            await connection.execute(text(f"CREATE SCHEMA {SHADOW}"))
            for table in PROJECTIONS:
                await connection.execute(CreateTable(_shadowed(table)))

    async def _index(self, connection: AsyncConnection) -> None:
        """The indexes that the fold does not need; made at the end, they cost a third."""
        for table in PROJECTIONS:
            for index in _shadowed(table).indexes:
                await connection.execute(CreateIndex(index))

    async def _position(self) -> int:
        async with self._pool.connect() as connection:
            return int(await connection.scalar(POSITION, {"name": FOLD}) or 0)

    async def _fold_to(self, to: int) -> None:
        """Read the next batch while one is folded and written."""
        async with self._pool.connect() as one, self._pool.connect() as other:
            reader, writer = await raw(one), await raw(other)
            # The swap's own commit makes all of this durable.
            await writer.execute("SET synchronous_commit = off")
            ahead = asyncio.create_task(fetch(reader, self._seq, to))
            while rows := await ahead:
                ahead = asyncio.create_task(fetch(reader, rows[-1].seq, to))
                await self._shadow.take(writer, rows)
                self._seq = rows[-1].seq
                self._progress("folding", self._seq, to)
            await self._shadow.settle()
            await writer.execute("RESET synchronous_commit")

    async def _compare(self) -> tuple[TableReport, ...]:
        """The live tables as one snapshot shows them, and the shadow ones folded as far.

        The worker commits its checkpoint with what it folded, so a snapshot is at one event, and
        nobody has to wait while all rows are read. The last events are read in it, too: what is
        erased later is not blank yet.
        """
        names = [table.name for table in PROJECTIONS]
        async with self._pool.connect() as plain, self._pool.begin() as writing:
            snapshot = await plain.execution_options(isolation_level="REPEATABLE READ")
            to = int(await snapshot.scalar(POSITION, {"name": FOLD}) or 0)
            await writing.execute(text("SELECT 1"))  # begins a transaction, for the cursor
            live, shadow = await raw(snapshot), await raw(writing)
            await self._fold_rest(live, shadow, to)
            self._progress("comparing", to, to)

            async def digests(driver: store.Connection, schema: str) -> list[tuple[int, str]]:
                return [await digest(driver, f"{schema}{name}") for name in names]

            async with asyncio.TaskGroup() as group:
                old = group.create_task(digests(live, ""))
                new = group.create_task(digests(shadow, f"{SHADOW}."))
        pairs = zip(names, old.result(), new.result(), strict=True)
        return tuple(TableReport(name, *was, *is_now) for name, was, is_now in pairs)

    async def _fold_rest(self, reader: store.Connection, writer: store.Connection, to: int) -> None:
        """Fold up to an event and write down all jobs, also those that have not ended."""
        while self._seq < to:
            rows = await fetch(reader, self._seq, to)
            await self._shadow.take(writer, rows)
            await self._shadow.settle()
            self._seq = rows[-1].seq
        await self._shadow.flush(writer)

    async def _swapped(self) -> bool:
        """Hold the live tables, fold the last events, swap; False when somebody reads them.

        Who waits for a lock on a table holds up all who come later: so we wait shortly, let
        everybody go on, and come again.
        """
        async with self._pool.begin() as connection:
            to = int(await connection.scalar(HOLD, {"name": FOLD}) or 0)
            driver = await raw(connection)
            await self._fold_rest(driver, driver, to)
            try:
                async with connection.begin_nested():
                    await connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_MS}ms'"))
                    await self._swap(connection)
            except DBAPIError as error:
                if not isinstance(error.orig.__cause__, LockNotAvailableError):  # type: ignore[union-attr]
                    raise
                return False
        return True

    async def _swap(self, connection: AsyncConnection) -> None:
        current = await connection.scalar(text("SELECT current_schema()"))
        await connection.execute(text(f"CREATE SCHEMA {OLD}"))
        for table in PROJECTIONS:
            name = table.name
            await connection.execute(text(f'ALTER TABLE "{current}".{name} SET SCHEMA {OLD}'))
            await connection.execute(text(f'ALTER TABLE {SHADOW}.{name} SET SCHEMA "{current}"'))
        await claim(connection, FOLD, self._shadow.holds)
        driver = await raw(connection)
        await bind(driver)
        await roles.grant(driver)
        await connection.execute(text(f"DROP SCHEMA {OLD} CASCADE"))
        await connection.execute(text(f"DROP SCHEMA {SHADOW}"))


def _shadowed(table: Table) -> Table:
    return table.to_metadata(MetaData(), schema=SHADOW)


def lines(report: Report) -> list[str]:
    """A report for people: one line a table."""
    told: list[Any] = [f"folded {report.events} events"]
    for table in report.tables:
        verdict = "the same" if table.same else "DIFFERENT: the rebuilt one is in place now"
        told.append(
            f"{table.name}: {table.live_rows} rows {table.live_sha256[:16]} live, "
            f"{table.rebuilt_rows} rows {table.rebuilt_sha256[:16]} rebuilt: {verdict}"
        )
    return told
