"""Each pairing in which an upgrade may stand still: whatever a job meets, nothing is lost."""

import pytest

from streams.settings import Settings
from tests.echo.script import Act
from tests.mixed.atrest import nothing_is_lost
from tests.mixed.parts import STAGES, Parts
from tests.mixed.traffic import Traffic
from tests.mixed.trees import TODAY, Tree

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(400),
    pytest.mark.long,
]

PAIRINGS = {
    "old engines": tuple(STAGES),
    "old projector and web": ("projector", "web"),
    "old web": ("web",),
    "old projector": ("projector",),
    "one old engine": ("faster_whisper",),
    "one new engine": ("projector", "web", "audio_prepare", "merge"),
}
"""Which parts are old; all others are today's."""


async def everything_happens(traffic: Traffic) -> None:
    """Success, an error and a crash that are retried, a refusal, a cancel, and a second try."""
    hurt = [
        await traffic.submit({"transcribe": (Act("raise"), Act())}),
        await traffic.submit({"prepare": (Act("crash"), Act(seconds=0.2))}),
    ]
    refused = await traffic.submit({"prepare": (Act("refuse"),)})
    assert [await traffic.ends(job) for job in hurt] == ["succeeded"] * 2
    assert await traffic.ends(refused) == "failed"
    stopped = await traffic.submit({"prepare": (Act(seconds=60),)})
    await traffic.begins(stopped)
    assert (await traffic.act(stopped, "cancel")).is_success
    assert await traffic.ends(stopped) == "cancelled"
    again = (await traffic.act(hurt[0], "retry")).json()["id"]
    assert await traffic.ends(again) == "succeeded"
    traffic.accepted = [one for one in traffic.accepted if one.job not in {refused, stopped}]


@pytest.mark.parametrize("pairing", PAIRINGS)
async def test_old_and_new_parts_work_side_by_side(
    parts: Parts, old: Tree, settings: Settings, pairing: str
) -> None:
    await parts.start_all(TODAY, **dict.fromkeys(PAIRINGS[pairing], old))
    async with Traffic(parts.url) as traffic:
        await traffic.more(3)
        await everything_happens(traffic)
        await nothing_is_lost(parts, traffic, settings)


@pytest.mark.parametrize("first", ["old", "today"])
async def test_two_projectors_of_two_versions_fold_one_log(
    parts: Parts, old: Tree, settings: Settings, first: str
) -> None:
    one, other = (old, TODAY) if first == "old" else (TODAY, old)
    await parts.start_all(one)
    await parts.start("projector-2", other)
    async with Traffic(parts.url) as traffic:
        await traffic.more(3)
        await everything_happens(traffic)
        await parts.stop("projector")
        await traffic.more(3)
        await nothing_is_lost(parts, traffic, settings)
