"""What follows from a job's state by itself: the next attempts, or its end. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, TypeAlias

from streams import clip
from streams.events import (
    Fact,
    FailureKind,
    JobCancelled,
    JobFact,
    JobFailed,
    JobSucceeded,
    PlannedStage,
    StageParked,
    StageReady,
    StageSkipped,
)
from streams.job import Job, envelopes, fold

Facts: TypeAlias = tuple[JobFact, ...]

NOTHING: Facts = ()
FINAL_KINDS: frozenset[FailureKind] = frozenset({"input", "unavailable"})
"""Failures that no retry mends."""
WAITING: frozenset[str] = frozenset({"pending", "ready", "retrying", "parked"})
BYTES_PER_SECOND = 32_000.0
"""Of 16 bit mono at 16 kHz: the guess at a file's length until prepare has measured it."""
LONGEST_S = 1e8
"""No audio counts for more, whatever an engine says that it measured."""


def onward(job: Job) -> Facts:
    """What follows from the state: the next stages, or the end of the job."""
    if job.terminal:
        return NOTHING
    if job.status == "cancelling":
        running = any(state.status == "running" for state in job.stages.values())
        return NOTHING if running else (JobCancelled(),)
    following = left_out(job) + first_attempts(job)
    if following or any(s.status not in {"completed", "skipped"} for s in job.stages.values()):
        return following
    return (_success(job),)


def then(job: Job, facts: Facts, now: datetime) -> Facts:
    """The facts, and what follows from them."""
    return facts + onward(rehearsed(job, facts, now))


def rehearsed(
    job: Job | None, facts: Sequence[Fact], now: datetime, *, job_id: str = "", tenant: str = ""
) -> Job:
    """The state that the facts lead to, as if they were committed now."""
    state = fold(envelopes(job, facts, now=now, job_id=job_id, tenant=tenant), job)
    assert state is not None
    return state


def left_out(job: Job) -> Facts:
    """The end of each stage that the plan names only to say why it is not done."""
    return tuple(
        StageSkipped(stage=node.name, reason=node.left_out)
        for node in job.plan
        if node.left_out and job.stages[node.name].status == "pending"
    )


def first_attempts(job: Job) -> Facts:
    """A first attempt for each pending stage whose needs are met."""
    over = {name for name, state in job.stages.items() if state.status in {"completed", "skipped"}}
    over |= {node.name for node in job.plan if node.left_out}
    return tuple(
        attempt(job, node)
        for node in job.plan
        if job.stages[node.name].status == "pending"
        and not node.left_out
        and over.issuperset(node.needs)
    )


def attempt(job: Job, node: PlannedStage, *, step: int = 1, ahead: bool = False) -> StageReady:
    """The next attempt of a stage; the cost is the seconds of audio that it has to hear."""
    measured = [s.usage.audio_s for s in job.stages.values() if s.usage.audio_s is not None]
    cost = measured[0] if measured else job.source.bytes / BYTES_PER_SECOND
    return StageReady(
        stage=node.name,
        token=job.stages[node.name].token + step,
        engine=node.engine,
        cost=round(min(max(cost, 0.1), LONGEST_S), 3),
        priority=job.request.priority,
        ahead=ahead,
    )


def replaced(job: Job, node: PlannedStage, now: datetime) -> Facts:
    """Another attempt at once for one that is over, if its budget allows.

    It keeps its turn; but who was lost twice may be what kills its engine, and queues up again.
    """
    ended, budget = job.stages[node.name], node.budget
    if ended.lost >= budget.lost:
        reason = f"{node.engine} was lost with it {ended.lost} times: it may kill its engine"
    elif ended.preempted >= budget.preempted:
        reason = f"{node.engine} was told to leave {ended.preempted} times before it was done"
    elif ended.kind in FINAL_KINDS or ended.failed >= max(1, budget.failed):
        reason = ended.reason
    else:
        return (attempt(job, node, ahead=ended.lost < 2),)
    return given_up(job, node, reason, now)


def given_up(job: Job, node: PlannedStage, reason: str, now: datetime) -> Facts:
    """No attempt follows: go on without the stage, end the job, or wait for a person."""
    kind = job.stages[node.name].kind
    if not node.required:
        return then(job, (StageSkipped(stage=node.name, reason=reason),), now)
    if kind in FINAL_KINDS:
        return fail_job(job, reason=reason, kind=kind, stage=node.name)
    return (StageParked(stage=node.name, reason=reason),)


def fail_job(
    job: Job, *, reason: str, kind: FailureKind | Literal["deadline"], stage: str | None
) -> Facts:
    """The end of a job that has no transcript: what waits or runs is skipped."""
    ended = skip(job, WAITING | {"running"}, "job failed")
    return (*ended, JobFailed(reason=reason, kind=kind, stage=stage))


def skip(job: Job, statuses: frozenset[str], reason: str) -> Facts:
    """The stages of these statuses do not run."""
    return tuple(
        StageSkipped(stage=name, reason=reason)
        for name, state in job.stages.items()
        if state.status in statuses
    )


def _success(job: Job) -> JobSucceeded:
    transcript = job.stages[job.plan[-1].name].output
    assert transcript is not None, "the last stage is required"
    heard = tuple(w for state in job.stages.values() for w in state.warnings)
    return JobSucceeded(transcript=transcript, warnings=clip.warnings(losses(job) + heard))


def losses(job: Job) -> tuple[str, ...]:
    """What the transcript goes without so far, though it was asked for."""
    return tuple(
        f"{name} was left out: {state.reason}"
        for name, state in job.stages.items()
        if state.status == "skipped" and state.reason and not job.planned(name).required
    )
