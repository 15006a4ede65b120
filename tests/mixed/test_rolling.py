"""A stack is upgraded, and taken back, part by part while jobs run through it: nothing is lost."""

import pytest

from infra.doctor.postgres import skipped
from projector import database
from projector.rebuild import rebuild
from projector.recover import recover
from streams.settings import Settings
from tests.mixed.atrest import folded, nothing_is_lost
from tests.mixed.parts import STAGES, Parts
from tests.mixed.traffic import Traffic
from tests.mixed.trees import TODAY, Tree

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

ORDER = ("projector", "web", *STAGES)
"""As docs/operations.md has it: who writes new things comes after those who must read them."""

NEWS = {"v0.1.0": "job.recovered", "v0.3.0": "segment.finalized"}
"""Release → what its projector passes over."""


async def test_each_part_is_upgraded_in_turn_while_jobs_run_through(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(old)
    async with Traffic(parts.url) as traffic:
        for name in ORDER:
            await traffic.more(2)
            await parts.swap(name, TODAY)
        await traffic.more(3)
        await nothing_is_lost(parts, traffic, settings)


@pytest.mark.long
async def test_each_part_is_taken_back_in_turn_while_jobs_run_through(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(TODAY)
    async with Traffic(parts.url) as traffic:
        for name in reversed(ORDER):
            await traffic.more(2)
            await parts.swap(name, old)
        await traffic.more(3)
        await nothing_is_lost(parts, traffic, settings)


@pytest.mark.long
async def test_what_an_old_projector_passed_over_is_found_and_folded_by_a_rebuild(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(TODAY)
    async with Traffic(parts.url) as traffic:
        await traffic.more(3)
        await parts.stop("projector")
        await recover(settings, "to begin an epoch, of which the release does not know all")
        await parts.start("projector", old)
        await traffic.more(2)
        await traffic.pause()
        await traffic.all_succeed()
        await folded(settings)
        engine = database.engine(settings)
        await parts.swap("projector", TODAY)
        (finding,) = await skipped(engine)
        assert NEWS[old.name] in finding.detail
        await rebuild(settings)
        assert await skipped(engine) == []
        await engine.dispose()
        await nothing_is_lost(parts, traffic, settings)
