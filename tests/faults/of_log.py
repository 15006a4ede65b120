"""Invariants that the archive alone can show: what may follow what."""

from collections import Counter, defaultdict
from itertools import groupby, pairwise

from streams.events import (
    JobCancelRequested,
    JobPlanned,
    JobRecovered,
    StageCompleted,
    StageFailed,
    StageLost,
    StageParked,
    StageProgressed,
    StageReady,
    StageStarted,
    StageUnparked,
)
from streams.job import Job, evolve
from tests.faults.evidence import Evidence
from tests.faults.finding import Finding

ATTEMPT = (StageReady, StageStarted, StageProgressed, StageCompleted, StageFailed, StageLost)
OVER = frozenset({"completed", "skipped"})


def completed_once(seen: Evidence) -> Finding:
    """At most one stage.completed for a stage."""
    found = Finding(2, "a stage completes at most once")
    done = Counter(
        (event.job, fact.stage)
        for event in seen.events
        if isinstance(fact := event.fact, StageCompleted)
    )
    for stage, times in done.items():
        found.check(times == 1, f"{stage} completed {times} times")
    return found


def fenced(seen: Evidence) -> Finding:
    """Once token k+1 is issued nothing with a token up to k changes state."""
    found = Finding(3, "nothing of an attempt that was replaced changes state")
    newest: defaultdict[tuple[str, str], int] = defaultdict(int)
    floors: defaultdict[str, int] = defaultdict(int)
    for event in seen.events:
        if isinstance(fact := event.fact, JobPlanned | JobRecovered):
            floors[event.job] = fact.floor
        if not isinstance(fact, ATTEMPT):
            continue
        stage = (event.job, fact.stage)
        last = max(newest[stage], floors[event.job])
        fresh = fact.token == last + isinstance(fact, StageReady)
        found.check(fresh, f"event {event.seq}: {event.type} of {stage} with token {fact.token}")
        newest[stage] = max(last, fact.token)
    return found


def follows_the_plan(seen: Evidence) -> Finding:
    """After each commit every stage whose needs are over is under way, and no other is."""
    found = Finding(4, "what is ready is what the plan and the fold say, after every commit")
    for name, story in seen.stories.items():
        job: Job | None = None
        for _, commit in groupby(story, key=lambda event: event.time):
            for event in commit:
                if isinstance(event.fact, StageReady) and job is not None:
                    needs = job.planned(event.fact.stage).needs
                    found.check(_over(job, needs), f"event {event.seq} of {name} is too early")
                job = evolve(job, event)
            if job is not None and job.plan and not job.terminal and job.status != "cancelling":
                late = [node.name for node in job.plan if _waits(job, node.name, node.needs)]
                found.check(not late, f"{late} of {name} should be ready at rev {job.rev}")
    return found


def chained(seen: Evidence) -> Finding:
    """Seqs are contiguous, the chain of prev is unbroken, ids are unique, epochs only grow."""
    found = Finding(7, "numbers without a hole, a chain without a break, ids unique")
    for before, event in pairwise(seen.events):
        found.check(event.seq == before.seq + 1, f"{event.seq} follows {before.seq}")
        found.check(event.prev == before.id, f"{event.seq} names {event.prev}, not {before.id}")
        found.check(event.epoch >= before.epoch, f"{event.seq} is of epoch {event.epoch}")
    ids = {event.id for event in seen.events}
    found.check(len(ids) == len(seen.events), "an id occurs twice")
    found.check(seen.events[0].seq == 1 and not seen.events[0].prev, "the archive's begin is gone")
    for name, story in seen.stories.items():
        revs = [event.rev for event in story]
        found.check(revs == list(range(1, len(revs) + 1)), f"{name} has revisions {revs}")
    return found


def poison_is_parked(seen: Evidence) -> Finding:
    """A task that fails, is lost or is sent away too often is parked, at its budget exactly."""
    found = Finding(16, "a task over its budget is parked, and not before")
    for name, story in seen.stories.items():
        plan = seen.folded[name].planned
        ends: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for event in story:
            match event.fact:
                case StageFailed(stage=stage):
                    ends[stage]["failed"] += 1
                case StageLost(stage=stage, cause=cause):
                    ends[stage]["lost" if cause == "lease" else "preempted"] += 1
                case StageUnparked(stage=stage):
                    ends[stage].clear()
                case StageParked(stage=stage):
                    budget, had = plan(stage).budget, ends[stage]
                    full = [kind for kind in had if had[kind] == getattr(budget, kind)]
                    found.check(full, f"{stage} of {name} was parked after {dict(had)}")
                case StageReady(stage=stage):
                    budget, had = plan(stage).budget, ends[stage]
                    over = [kind for kind in had if had[kind] >= getattr(budget, kind)]
                    found.check(not over, f"{stage} of {name} goes on after {dict(had)}")
                case _:
                    pass
    found.note = f"{sum(isinstance(e.fact, StageParked) for e in seen.events)} parked"
    return found


def cancelled_is_over(seen: Evidence) -> Finding:
    """After a cancel no attempt starts, no output becomes visible, and the job ends."""
    found = Finding(17, "after a cancel nothing starts and nothing becomes visible")
    for name, story in seen.stories.items():
        at = next((e.rev for e in story if isinstance(e.fact, JobCancelRequested)), None)
        if at is None:
            continue
        late = [e.type for e in story[at:] if isinstance(e.fact, StageStarted | StageReady)]
        late += [e.type for e in story[at:] if isinstance(e.fact, StageCompleted)]
        found.check(not late, f"{late} of {name} after it was cancelled")
        found.check(seen.folded[name].status == "cancelled", f"{name} did not end cancelled")
        answer = seen.transcripts.get(name)
        hidden = answer is None or answer.status_code in {404, 410}
        found.check(hidden, f"{name} was cancelled and has a transcript")
    return found


def _over(job: Job, needs: tuple[str, ...]) -> bool:
    return all(job.stages[need].status in OVER for need in needs)


def _waits(job: Job, stage: str, needs: tuple[str, ...]) -> bool:
    return job.stages[stage].status == "pending" and _over(job, needs)
