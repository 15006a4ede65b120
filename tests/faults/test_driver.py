"""Seeded runs of the whole: real processes, real faults, every invariant; see `driver`.

`make test-faults SEEDS=1..50` goes through as many seeds as it is told.
"""

import os
from collections.abc import Sequence
from random import Random

import pytest

from tests.faults.driver import chosen, drive, schedule, seeds
from tests.faults.faults import FAULTS

SHORT = bool(os.environ.get("DALSTON_SHORT"))
SECONDS = 10.0 if SHORT else 40.0

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

NAMED = {
    # A merge that was taken before Valkey was wiped began with the revision of a job that had
    # come there by other events since: the state of the old history replaced the new one's.
    "a state that a lost redis gave does not pass for a later one": (
        2,
        ("wipe", "old redis", "kill valkey", "stop engine"),
    ),
    # An upload whose row was never written kept what its twin's erasure was to delete.
    "an upload that was not accepted does not outlive its erasure": (
        5,
        ("kill postgres", "stop postgres", "stop web", "lights out"),
    ),
    # Redis was put back further than the archive reached and gave its seqs out again: a reader's
    # (epoch, seq) passed for a place in another history. Any fault may come between.
    "a place in a history that was lost does not pass for one of now": (214, ()),
    "a reader of a lost history is shown the one of now from the start": (215, ()),
}
"""What failed once, by the seed that showed it and the faults that bring it about."""
ANY = [11] if SHORT else [11, 12, 13, 14]


async def judged(seed: int, faults: Sequence[str] = ()) -> None:
    verdict = await drive(seed, SECONDS, faults=chosen(faults) or None)
    wrong = "\n".join(str(finding) for finding in verdict.findings if finding.wrong)
    assert verdict.good, f"{verdict.line()}\n{wrong}\nlogs and data: {verdict.home}"


@pytest.mark.parametrize(("seed", "faults"), NAMED.values(), ids=NAMED)
async def test_what_failed_once_holds(seed: int, faults: Sequence[str]) -> None:
    await judged(seed, faults)


@pytest.mark.parametrize("seed", ANY)
async def test_nothing_is_lost_whatever_fails(seed: int) -> None:
    await judged(seed)


def test_a_seed_is_a_schedule() -> None:
    faults = list(FAULTS.values())
    planned = schedule(Random(7), 60, faults)
    assert planned == schedule(Random(7), 60, faults)
    assert planned != schedule(Random(8), 60, faults)
    assert [plan.at for plan in planned] == sorted(plan.at for plan in planned)
    assert planned[-1].at < 60


def test_seeds_are_told_by_a_range_a_number_or_one_by_one() -> None:
    assert seeds("3..5") == [3, 4, 5]
    assert seeds("3") == [1, 2, 3]
    assert seeds("3,9") == [3, 9]
