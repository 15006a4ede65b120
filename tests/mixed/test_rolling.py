"""A stack is upgraded, and taken back, part by part while jobs run through it: nothing is lost."""

import os

import pytest

from streams.settings import Settings
from tests.mixed.atrest import nothing_is_lost
from tests.mixed.parts import STAGES, Parts
from tests.mixed.traffic import Traffic
from tests.mixed.trees import TODAY, Tree

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

SHORT = bool(os.environ.get("DALSTON_SHORT"))
ORDER = ("projector", "web", *STAGES)
"""As docs/operations.md has it: who writes new things comes after those who must read them."""


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


@pytest.mark.skipif(SHORT, reason="DALSTON_SHORT: only the way up")
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
