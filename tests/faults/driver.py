"""`python -m tests.faults.driver --seed N --seconds S`: real processes, real faults, one verdict.

Everything that is left to chance comes from the seed: what clients do, what goes wrong when, and to
whom. Real processes take their own time all the same, so a seed replays a schedule, not a race.
"""

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from streams import tasks
from tests.faults.clients import Person
from tests.faults.evidence import Evidence, collect
from tests.faults.faults import FAULTS, POSTGRES_FORGETS, survivable
from tests.faults.finding import Finding
from tests.faults.followers import Follower
from tests.faults.invariants import examine
from tests.faults.network import between
from tests.faults.record import Told
from tests.faults.rest import come_to_rest, sweep
from tests.faults.run import Absent, Fault, Run, running

PERSONS = 3
MEAN_GAP_S = 1.6
"""Seconds between two faults, on average; they may overlap."""
CATCH_UP_S = 30.0
SWEEP_S = 40.0
"""An upload takes less, from its last byte to its row, however long its servers are away."""


@dataclass(frozen=True)
class Planned:
    """A fault to come: ``at`` seconds after the start, with a chance of its own."""

    at: float
    fault: Fault
    seed: int


@dataclass
class Verdict:
    """What a run found. ``lost`` and ``duplicated`` count acknowledged jobs."""

    seed: int
    seconds: float
    injected: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    findings: list[Finding] = field(default_factory=list)
    home: Path | None = None

    @property
    def good(self) -> bool:
        """Every invariant holds."""
        return not any(finding.wrong for finding in self.findings)

    def line(self) -> str:
        """All of it in one line."""
        faults = ", ".join(f"{count} {name}" for name, count in sorted(self.injected.items()))
        return (
            f"seed {self.seed}: {'good' if self.good else 'BAD'}; {self.injected.total()} faults "
            f"({faults}); {self.acknowledged} jobs acknowledged, {self.lost} lost, "
            f"{self.duplicated} duplicated"
        )


def schedule(chance: random.Random, seconds: float, faults: Sequence[Fault]) -> list[Planned]:
    """When what goes wrong."""
    planned: list[Planned] = []
    at = chance.uniform(0.5, 2.0)
    while at < seconds:
        planned.append(Planned(at, chance.choice(faults), chance.getrandbits(32)))
        at += chance.expovariate(1 / MEAN_GAP_S)
    return planned


async def drive(
    seed: int,
    seconds: float,
    *,
    faults: Mapping[str, Fault] | None = None,
    tell: Callable[[str], None] = print,
) -> Verdict:
    """One run: work and faults side by side, then rest, then the examination.

    Faults are all that may strike one run, or just the given ones.
    The home is removed when all is good; else it stays, and the verdict says where.
    """
    # A source for each, so that what is added to one does not change the others.
    faults = faults or survivable(FAULTS, random.Random(f"{seed} kinds"))
    planned = schedule(random.Random(f"{seed} schedule"), seconds, list(faults.values()))
    home = Path(tempfile.mkdtemp(prefix=f"dalston-faults-{seed}-"))
    began = time.monotonic()

    def say(text: str) -> None:
        tell(f"{time.monotonic() - began:6.1f} s  {text}")

    say(f"seed {seed}: {seconds:g} s, {len(planned)} faults, home {home}")
    verdict = Verdict(seed, seconds, home=home)
    window = random.Random(f"{seed} window").choice((200, 2000, 20_000))
    if POSTGRES_FORGETS & faults.keys():
        window = 20_000  # from which an older Postgres learns again what it has forgotten
    environ = {
        "DALSTON_LOG_WINDOW": str(window),
        "DALSTON_SWEEP_S": str(SWEEP_S),
    }
    async with running(home, environ=environ, through=between, tell=say) as run:
        evidence = await _story(run, planned, verdict, say)
        verdict.findings = await examine(run, evidence)
    verdict.acknowledged = len(evidence.told.jobs)
    verdict.lost, verdict.duplicated = len(evidence.lost), len(evidence.duplicated)
    for finding in verdict.findings:
        say(str(finding))
    say(verdict.line())
    if verdict.good:
        shutil.rmtree(home, ignore_errors=True)
        verdict.home = None
    else:
        say(f"logs and data are kept in {home}")
    return verdict


async def _story(
    run: Run,
    planned: Sequence[Planned],
    verdict: Verdict,
    say: Callable[[str], None],
) -> Evidence:
    url, told = run.stack.running.web.url, Told()
    # An erasure trims the log, and with it what an older Postgres would learn from there.
    erases = not any(plan.fault.name in POSTGRES_FORGETS for plan in planned)
    persons = [
        Person(url, random.Random(f"{verdict.seed} person {n}"), told, erases=erases)
        for n in range(PERSONS)
    ]
    followers = [
        Follower(url, random.Random(f"{verdict.seed} {kind}"), kind=kind, stalls=stalls)
        for kind, stalls in (("websocket", False), ("stream", False), ("websocket", True))
    ]
    listening = [asyncio.create_task(one.follow()) for one in followers]
    working = [asyncio.create_task(one.work()) for one in persons]
    try:
        await _inject(run, planned, verdict, say)
        say(f"healed; {len(told.jobs)} jobs acknowledged so far")
        for person in persons:
            person.leave()
        await asyncio.wait_for(asyncio.gather(*working), 120)
        for follower in followers:
            follower.hurry()
        say(f"at rest after {await come_to_rest(run):.1f} s")
        say(f"{await sweep(run)} objects swept that nothing named")
        evidence = await collect(run, told, followers)
        say(f"{len(evidence.events)} events, {len(evidence.objects)} objects to look at")
        with suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                while not all(one.stands_at(evidence.events[-1].seq) for one in followers):
                    await asyncio.sleep(0.1)
        say("the readers have caught up, or had their time")
    finally:
        await tasks.end(*listening, *working)
    return evidence


async def _inject(
    run: Run, planned: Sequence[Planned], verdict: Verdict, say: Callable[[str], None]
) -> None:
    """Every fault at its time; returns once all are undone."""
    began = time.monotonic()

    async def one(plan: Planned) -> None:
        await asyncio.sleep(max(0.0, began + plan.at - time.monotonic()))
        try:
            await run.inject(plan.fault, random.Random(plan.seed))
            verdict.injected[plan.fault.name] += 1
        except Absent as absent:
            say(f"{plan.fault.name}: nobody there to hurt: {absent}")

    async with asyncio.TaskGroup() as group:
        for plan in planned:
            group.create_task(one(plan))


def main(arguments: Sequence[str] | None = None) -> int:
    """One run after another; 0 when all were good."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="one run")
    parser.add_argument("--seeds", default="1..1", help="runs from one seed to another, as 1..50")
    parser.add_argument("--seconds", type=float, default=60.0, help="of faults in each")
    parser.add_argument("--faults", help=f"only these, of: {', '.join(FAULTS)}")
    args = parser.parse_args(arguments)
    faults = chosen(args.faults.split(",")) if args.faults else None
    verdicts = [
        asyncio.run(drive(seed, args.seconds, faults=faults))
        for seed in ([args.seed] if args.seed is not None else seeds(args.seeds))
    ]
    print(summary(verdicts))
    return 0 if all(verdict.good for verdict in verdicts) else 1


def chosen(names: Sequence[str]) -> dict[str, Fault]:
    """Faults by their names."""
    return {name.strip(): FAULTS[name.strip()] for name in names}


def seeds(text: str) -> list[int]:
    """``1..50``, ``20`` (from 1 to there) or ``3,7,9``."""
    if "," in text:
        return [int(part) for part in text.split(",")]
    first, dots, last = text.partition("..")
    return list(range(int(first), int(last) + 1) if dots else range(1, int(first) + 1))


def summary(verdicts: Sequence[Verdict]) -> str:
    """Many runs in one line."""
    injected: Counter[str] = sum((verdict.injected for verdict in verdicts), Counter())
    faults = ", ".join(f"{count} {name}" for name, count in sorted(injected.items()))
    bad = [str(verdict.seed) for verdict in verdicts if not verdict.good]
    return (
        f"{len(verdicts)} runs, {injected.total()} faults ({faults}), "
        f"{sum(v.acknowledged for v in verdicts)} jobs acknowledged, "
        f"{sum(v.lost for v in verdicts)} lost, {sum(v.duplicated for v in verdicts)} duplicated; "
        + (f"bad seeds: {', '.join(bad)}" if bad else "all invariants hold")
    )


if __name__ == "__main__":
    sys.exit(main())
