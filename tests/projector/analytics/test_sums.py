"""What SQL says of a history is what plain Python says of its events, at any range."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from projector.analytics.queries import QUERIES, Bucket, fitting
from projector.rebuild import rebuild
from streams.events import Event
from streams.job import Job, fold
from streams.settings import Settings
from tests.history.test_history import RELEASES, read
from tests.projector.analytics import truth
from tests.projector.analytics.chronicle import Chronicle, bring
from tests.projector.analytics.conftest import Asker

WIDTHS: tuple[Bucket, ...] = ("minute", "hour", "day", "week")


async def test_every_sum_is_that_of_the_events_in_ranges_that_cut_through_jobs(
    asker: Asker,
) -> None:
    for seed in range(10):
        events = await Chronicle(seed).write(160)
        await bring(asker.driver, events)
        chance = random.Random(seed)
        for tenant in ("acme", "rival"):
            for since, until in ranges(events, chance):
                await compare(asker, events, tenant, since, until, chance.choice(WIDTHS))


async def test_histories_of_all_releases_are_summed_up_right(asker: Asker) -> None:
    for path in RELEASES:
        events, _, _ = read(path)
        await bring(asker.driver, events)
        for since, until in ranges(events, random.Random(1)):
            await compare(asker, events, "acme", since, until, "minute")


async def test_a_rebuilt_projection_answers_the_same(asker: Asker, settings: Settings) -> None:
    events = await Chronicle(7).write(200)
    await bring(asker.driver, events)
    whole = (events[0].time, events[-1].time + timedelta(seconds=1))
    texts = [query.sql(*whole, "hour") for query in QUERIES.values()]
    texts += [f"SELECT * FROM analytics.{view}" for view in ("stages", "attempts", "jobs", "edits")]
    before = [sorted(map(repr, await asker.rows(text))) for text in texts]
    assert any(before[:-1])
    for _ in range(2):
        assert (await rebuild(settings)).same
    assert [sorted(map(repr, await asker.rows(text))) for text in texts] == before
    await asker.driver.execute("UPDATE jobs SET filename = 'the new table'")
    assert {row[0] for row in await asker.rows("SELECT filename FROM jobs")} == {"the new table"}


@pytest.mark.parametrize("of", ["engine", "stage", "model"])
async def test_a_part_is_what_of_the_whole_has_that_value(asker: Asker, of: str) -> None:
    events = await Chronicle(3).write(300)
    await bring(asker.driver, events)
    since, until = events[0].time, events[-1].time + timedelta(seconds=1)
    for name in ("waiting", "rtf", "failures", "cost"):
        query = QUERIES[name]
        place = [column.name for column in query.columns].index(of) if of in query.group else None
        whole = await asker.rows(query.sql(since, until, "day"))
        if place is None or name == "failures":
            continue
        values = {row[place] for row in whole} - {""}
        for value in values:
            part = await asker.rows(query.sql(since, until, "day", **{of: value}))
            assert part == [row for row in whole if row[place] == value]


async def compare(
    asker: Asker, events: list[Event], tenant: str, since: datetime, until: datetime, width: Bucket
) -> None:
    """Each question, and the same in Python."""
    told = truth.tell(events, tenant)
    folded = {job: fold(e for e in events if e.job == job) for job in told.jobs}
    audio = {name: measured(job) for name, job in folded.items()}

    async def answer(name: str) -> list[list[Any]]:
        return await asker.rows(QUERIES[name].sql(since, until, width), tenant)

    same(await answer("throughput"), truth.throughput(told, since, until, width, audio))
    same(await answer("waiting"), truth.waiting(told, since, until, width))
    same(await answer("rtf"), truth.rtf(told, since, until, width))
    same(await answer("failures"), truth.failures(told, since, until, width))
    same(await answer("cost"), truth.cost(told, since, until, width))
    shown = (0, 1, 3, 4, 7, 8, 9, 10, 11)
    rows = [[row[n] for n in shown] for row in await answer("jobs")]
    same(rows, truth.jobs(told, since, until))


def same(found: list[list[Any]], expected: list[list[Any]]) -> None:
    """Rows that are equal, numbers to a billionth, and in the same order."""
    assert len(found) == len(expected), (found, expected)
    for row, wanted in zip(found, expected, strict=True):
        for value, right in zip(row, wanted, strict=True):
            if isinstance(right, datetime):
                assert datetime.fromisoformat(value) == right
            elif isinstance(right, float):
                assert value == pytest.approx(right, rel=1e-9, abs=1e-9), (row, wanted)
            else:
                assert value == right, (row, wanted)


def measured(job: Job | None) -> float | None:
    """Seconds of audio as the first stage that measured them says."""
    assert job is not None
    found = (stage.usage.audio_s for stage in job.stages.values())
    return next((seconds for seconds in found if seconds is not None), None)


def ranges(events: list[Event], chance: random.Random) -> list[tuple[datetime, datetime]]:
    """All of it, and some that begin and end in the middle, at the very time of an event too."""
    times = [event.time for event in events]
    found = [(times[0] - timedelta(days=1), times[-1] + timedelta(days=1))]
    for _ in range(2):
        since, until = sorted(chance.sample(times, 2))
        found.append((since, until + timedelta(microseconds=chance.choice((1, 5_000_000)))))
    return found


def test_a_bucket_fits_its_range() -> None:
    now = datetime.fromisoformat("2026-03-01T00:00:00Z")
    spans = [(2, "minute"), (48, "hour"), (24 * 90, "day"), (24 * 400, "week")]
    for hours, bucket in spans:
        assert fitting(now - timedelta(hours=hours), now) == bucket
