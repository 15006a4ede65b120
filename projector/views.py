"""The views and what they stand on, put in place: after a migration, and after a rebuild."""

from pathlib import Path

from projector import store

HERE = Path(__file__).parent / "sql"


async def install(driver: store.Connection) -> None:
    """Make or replace the functions and the views; what was granted on them stays.

    Not in a migration, though run after each: the newest text is right for the newest tables only,
    and a new database takes all steps at once.
    """
    for name in ("functions", "views"):
        await driver.execute((HERE / f"{name}.sql").read_text())


async def bind(driver: store.Connection) -> None:
    """Bind the views to the tables that have the names now, so that others can be dropped.

    A database that was not migrated yet has none.
    """
    if await driver.fetchval("SELECT to_regclass('analytics.events')") is None:
        return
    await driver.execute((HERE / "views.sql").read_text())
