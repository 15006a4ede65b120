"""The same questions answered in Python, straight from the events: no SQL, no fold."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from streams.events import (
    Event,
    JobCancelled,
    JobErased,
    JobFailed,
    JobSubmitted,
    JobSucceeded,
    StageCompleted,
    StageFailed,
    StageLost,
    StageReady,
    StageStarted,
    Usage,
)

Rows = list[list[Any]]
FIRST_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
WIDTH = {"minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}


@dataclass
class Attempt:
    """One attempt of a stage."""

    job: str
    stage: str
    engine: str
    ready: datetime
    started: datetime | None = None
    ended: datetime | None = None
    outcome: str = ""
    kind: str = ""
    usage: Usage = field(default_factory=Usage)

    @property
    def wait(self) -> float:
        assert self.started
        return (self.started - self.ready).total_seconds()


@dataclass
class Told:
    """A job as its events tell it."""

    job: str
    filename: str
    submitted: datetime
    ended: datetime | None = None
    status: str = ""
    audio: dict[str, float | None] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)
    erased: bool = False


@dataclass
class Truth:
    """All that happened to one tenant."""

    jobs: dict[str, Told] = field(default_factory=dict)
    attempts: dict[tuple[str, str, int], Attempt] = field(default_factory=dict)

    def within(self, of: Callable[[Attempt], datetime | None], since: datetime, until: datetime
    ) -> list[Attempt]:  # fmt: skip
        """Attempts with that moment in the range."""
        return [a for a in self.attempts.values() if (at := of(a)) and since <= at < until]


def tell(events: Iterable[Event], tenant: str) -> Truth:
    """Go through the events of a tenant."""
    truth = Truth()
    for event in events:
        if event.tenant != tenant:
            continue
        fact, at = event.fact, event.time
        match fact:
            case JobSubmitted():
                truth.jobs[event.job] = Told(event.job, fact.filename, at)
            case JobSucceeded():
                truth.jobs[event.job].ended, truth.jobs[event.job].status = at, "succeeded"
            case JobFailed():
                truth.jobs[event.job].ended, truth.jobs[event.job].status = at, "failed"
            case JobCancelled():
                truth.jobs[event.job].ended, truth.jobs[event.job].status = at, "cancelled"
            case JobErased():
                truth.jobs[event.job].erased = True
            case StageReady():
                key = (event.job, fact.stage, fact.token)
                truth.attempts[key] = Attempt(event.job, fact.stage, fact.engine, at)
            case StageStarted():
                truth.attempts[event.job, fact.stage, fact.token].started = at
            case StageCompleted() | StageFailed():
                one = truth.attempts[event.job, fact.stage, fact.token]
                one.ended, one.usage = at, fact.usage
                one.outcome = "completed" if isinstance(fact, StageCompleted) else "failed"
                one.kind = fact.kind if isinstance(fact, StageFailed) else ""
            case StageLost():
                # A recovery gives up what ran by a token that was never given out: no attempt.
                if lost := truth.attempts.get((event.job, fact.stage, fact.token)):
                    lost.ended = at
                    lost.outcome = "preempted" if fact.cause == "preempted" else "lost"
            case _:
                pass
    return truth


def bucket(at: datetime, width: str) -> datetime:
    """When the bucket of a moment begins: minutes, hours, days and weeks from Monday, in UTC."""
    seconds = WIDTH[width]
    whole = math.floor((at - FIRST_MONDAY).total_seconds() / seconds)
    return FIRST_MONDAY + timedelta(seconds=whole * seconds)


def percentile(values: list[float], share: float) -> float:
    """Between two values in proportion, as percentile_cont."""
    ranked = sorted(values)
    place = share * (len(ranked) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (ranked[high] - ranked[low]) * (place - low)


def grouped(attempts: Iterable[Attempt], key: Callable[[Attempt], tuple[Any, ...]]
) -> dict[tuple[Any, ...], list[Attempt]]:  # fmt: skip
    """Attempts by a key, in its order."""
    found = defaultdict(list)
    for one in attempts:
        found[key(one)].append(one)
    return dict(sorted(found.items()))


def throughput(
    truth: Truth, since: datetime, until: datetime, width: str, audio: dict[str, float | None]
) -> Rows:
    """As the question of that name."""
    found: dict[datetime, list[Any]] = {}

    def count(at: datetime, place: int) -> list[Any]:
        row = found.setdefault(bucket(at, width), [0, 0, 0, 0, 0.0, []])
        row[place] += 1
        return row

    for job in truth.jobs.values():
        if since <= job.submitted < until:
            count(job.submitted, 0)
        if job.ended and since <= job.ended < until:
            row = count(job.ended, ["", "succeeded", "failed", "cancelled"].index(job.status))
            if job.status == "succeeded":
                row[4] += audio[job.job] or 0.0
                row[5].append((job.ended - job.submitted).total_seconds())
    return [
        [at, *row[:5], sum(row[5]) / len(row[5]) if row[5] else None]
        for at, row in sorted(found.items())
    ]


def waiting(truth: Truth, since: datetime, until: datetime, width: str) -> Rows:
    """As the question of that name."""
    begun = truth.within(lambda a: a.started, since, until)
    groups = grouped(begun, lambda a: (bucket(a.started or a.ready, width), a.stage, a.engine))
    return [
        [
            *key, len(group), sum(waits) / len(waits), percentile(waits, 0.5),
            percentile(waits, 0.95), max(waits),
        ]
        for key, group in groups.items()
        for waits in [[one.wait for one in group]]
    ]  # fmt: skip


def rtf(truth: Truth, since: datetime, until: datetime, width: str) -> Rows:
    """As the question of that name."""
    done = [
        one for one in truth.within(lambda a: a.ended, since, until)
        if one.outcome == "completed" and one.usage.audio_s and one.usage.wall_s
    ]  # fmt: skip
    rows = []
    for key, group in grouped(done, lambda a: _which(a, width)).items():
        audio = sum(one.usage.audio_s or 0 for one in group)
        wall = sum(one.usage.wall_s for one in group)
        each = [one.usage.wall_s / (one.usage.audio_s or 1) for one in group]
        load = sum(one.usage.load_s for one in group)
        rows.append(
            [*key, len(group), audio, wall, load, wall / audio, percentile(each, 0.5),
             percentile(each, 0.95)]
        )  # fmt: skip
    return rows


def failures(truth: Truth, since: datetime, until: datetime, width: str) -> Rows:
    """As the question of that name."""
    ended = truth.within(lambda a: a.ended, since, until)
    every = grouped(ended, lambda a: _which(a, width)[:3])
    bad = [one for one in ended if one.outcome != "completed"]
    groups = grouped(bad, lambda a: (*_which(a, width), a.outcome, a.kind))
    return [
        [*key, len(group), len(every[key[:3]]), len(group) / len(every[key[:3]])]
        for key, group in groups.items()
    ]


def cost(truth: Truth, since: datetime, until: datetime, width: str) -> Rows:
    """As the question of that name."""
    ended = truth.within(lambda a: a.ended, since, until)
    return [
        [
            *key, len(group), sum(one.usage.wall_s for one in group),
            sum(one.usage.tokens_in or 0 for one in group),
            sum(one.usage.tokens_out or 0 for one in group),
            sum(one.usage.cost_usd or 0 for one in group),
        ]
        for key, group in grouped(ended, lambda a: _which(a, width)).items()
    ]  # fmt: skip


def jobs(truth: Truth, since: datetime, until: datetime) -> Rows:
    """As the question of that name: id, name, times, sums, in its order."""
    rows = []
    for job in truth.jobs.values():
        if not since <= job.submitted < until:
            continue
        own = [one for one in truth.attempts.values() if one.job == job.job]
        bad = [one for one in own if one.outcome in {"failed", "lost", "preempted"}]
        rows.append([
            job.job, "" if job.erased else job.filename, job.submitted, job.ended,
            sum(one.wait for one in own if one.started), sum(one.usage.wall_s for one in own),
            len(own), len(bad), sum(one.usage.cost_usd or 0 for one in own),
        ])  # fmt: skip
    return sorted(rows, key=lambda row: (row[2], row[0]), reverse=True)


def _which(one: Attempt, width: str) -> tuple[Any, ...]:
    assert one.ended
    return (bucket(one.ended, width), one.stage, one.engine, one.usage.model or "")
