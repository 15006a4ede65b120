"""The projection made anew: the same row for row, under writes, and right where it was not."""

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench import traffic
from projector import rebuild as rebuilding
from projector import shadow, store
from projector.digest import digest
from projector.errors import RebuildRunning, TablesBusy
from projector.rebuild import lines, rebuild
from projector.tables import metadata
from streams import decide
from streams.commit import Ledger
from streams.log import Log
from streams.settings import Settings
from tests.projector.conftest import Start, archived_jobs, caught_up, projected_jobs


async def test_rebuilt_tables_are_the_live_ones_row_for_row_while_writes_go_on(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(shadow, "BATCH", 50)
    monkeypatch.setattr(shadow, "KEPT", 3)  # so that jobs are written half way as well
    start()
    await traffic.many(ledger, 60)
    await caught_up(db, log)
    writing = asyncio.create_task(traffic.many(ledger, 200, at_once=8))
    seen = []
    while not writing.done():
        report = await rebuild(settings, lambda what, done, of: seen.append((what, done, of)))
        assert report.same, lines(report)
    await writing
    report = await rebuild(settings)
    assert report.same, lines(report)
    await caught_up(db, log)
    assert await archived_jobs(db) == await projected_jobs(db)
    assert seen[-1][1] == seen[-1][2]


async def test_the_fold_goes_on_while_all_rows_are_compared_and_between_tries_to_swap(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    compared = []

    async def watched(driver: store.Connection, table: str) -> tuple[int, str]:
        await traffic.many(ledger, 2)
        await caught_up(db, log)  # while a row is still being read, new events are folded
        compared.append(table)
        return await digest(driver, table)

    monkeypatch.setattr(rebuilding, "digest", watched)
    start()
    await traffic.many(ledger, 20)
    await caught_up(db, log)
    async with db.connect() as reader:
        await reader.execute(text("SELECT 1 FROM jobs"))
        rebuilt = asyncio.create_task(rebuild(settings))
        while len(compared) < 6:
            await asyncio.sleep(0.02)
        await asyncio.sleep(1.5 * rebuilding.LOCK_MS / 1000)  # a try to swap is refused by now
        await traffic.many(ledger, 2)
        await caught_up(db, log)
    report = await rebuilt
    assert report.same, lines(report)
    await caught_up(db, log)
    assert await archived_jobs(db) == await projected_jobs(db)
    assert len(await projected_jobs(db)) == 20 + 2 * 6 + 2


async def test_a_projection_that_drifted_is_found_and_put_right(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()
    job = await traffic.succeeded(ledger)
    waits = await traffic.submitted(ledger)
    await caught_up(db, log)
    async with db.begin() as c:
        await c.execute(text("UPDATE stages SET wall_s = 7 WHERE stage = 'merge'"))
        await c.execute(text("DELETE FROM jobs WHERE id = :id"), {"id": waits.id})
    report = await rebuild(settings)
    assert [(table.name, table.same) for table in report.tables] == [
        ("jobs", False), ("stages", False), ("unknown_events", True),
    ]  # fmt: skip
    assert "DIFFERENT" in lines(report)[1]
    assert await projected_jobs(db) == {job.id: job, waits.id: waits}
    assert (await rebuild(settings)).same


async def test_jobs_that_change_after_their_end_are_rebuilt_too(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(shadow, "BATCH", 5)
    start()
    job = await traffic.succeeded(ledger)
    await traffic.many(ledger, 5)
    await ledger.transition(job.id, lambda job, _: decide.erase(job))
    await caught_up(db, log)
    assert (await rebuild(settings)).same
    assert (await projected_jobs(db))[job.id].erased


async def test_the_swapped_schema_is_as_good_as_the_migrated_one(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    start()
    await traffic.many(ledger, 5)
    await caught_up(db, log)
    for _ in range(2):
        assert (await rebuild(settings)).same

    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with db.connect() as c:
        assert await c.run_sync(differences) == []
        schemas = (await c.scalars(text("SELECT nspname FROM pg_namespace"))).all()
        options = await c.scalar(text("SELECT reloptions FROM pg_class WHERE relname = 'jobs'"))
    assert not {"dalston_rebuild", "dalston_old"} & set(schemas)
    assert options == ["fillfactor=80"]
    await traffic.many(ledger, 5)
    await caught_up(db, log)


async def test_a_long_reader_delays_the_swap_and_then_stops_it(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(rebuilding, "SWAPS", 2)
    start()
    job = await traffic.succeeded(ledger)
    await caught_up(db, log)
    async with db.connect() as reader:
        await reader.execute(text("SELECT 1 FROM jobs"))
        with pytest.raises(TablesBusy, match="end it and try again"):
            await rebuild(settings)
    assert await projected_jobs(db) == {job.id: job}
    assert (await rebuild(settings)).same


async def test_an_empty_archive_is_rebuilt_and_two_rebuilds_do_not_meet(
    start: Start, settings: Settings, db: AsyncEngine, ledger: Ledger, log: Log
) -> None:
    assert (await rebuild(settings)).events == 0
    start()
    await traffic.many(ledger, 20)
    await caught_up(db, log)
    answers = await asyncio.gather(*[rebuild(settings) for _ in range(2)], return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) in (
        ["RebuildRunning", "Report"], ["Report", "Report"],
    )  # fmt: skip
    assert issubclass(RebuildRunning, Exception)
