"""State and command → facts: every rule of a job's life, pure.

Each function takes the job as it is, what the caller saw, and the time, and gives the facts to
commit; an empty tuple means that the command was carried out before. What does not fit is Refused.
"""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from streams import clip
from streams.errors import Fenced, Refused, UnknownJob
from streams.events import (
    Artifact,
    Fact,
    FailureKind,
    JobCancelled,
    JobCancelRequested,
    JobErased,
    JobFact,
    JobFailed,
    JobPlanned,
    JobRequest,
    JobSubmitted,
    JobSucceeded,
    PlannedStage,
    StageCompleted,
    StageFailed,
    StageLost,
    StageParked,
    StageProgressed,
    StageReady,
    StageRetryScheduled,
    StageSkipped,
    StageStarted,
    StageUnparked,
    Usage,
)
from streams.job import Job, Stage, envelopes, fold

Facts = tuple[JobFact, ...]

NOTHING: Facts = ()
NO_USAGE = Usage()
FINAL_KINDS: frozenset[FailureKind] = frozenset({"input", "unavailable"})
"""Failures that no retry mends."""
WAITING: frozenset[str] = frozenset({"pending", "ready", "retrying", "parked"})
BACKOFF_S = (1.0, 5.0, 30.0, 120.0)
"""Wait before the second, third … attempt of a stage that failed, before jitter."""
BYTES_PER_SECOND = 32_000.0
"""Of 16 bit mono at 16 kHz: the guess at a file's length until prepare has measured it."""


def submit(
    job: Job | None,
    *,
    job_id: str,
    tenant: str,
    request: JobRequest,
    source: Artifact,
    filename: str,
    plan: tuple[PlannedStage, ...],
    now: datetime,
    again_from: str | None = None,
) -> Facts:
    """Accept a job with its plan, and make its first stages ready."""
    if job is not None:
        return NOTHING
    deadline = None if request.deadline_s is None else now + timedelta(seconds=request.deadline_s)
    accepted: Facts = (
        JobSubmitted(request=request, source=source, filename=filename, again_from=again_from),
        JobPlanned(stages=plan, deadline=deadline),
    )
    fresh = _after(None, accepted, now, job_id=job_id, tenant=tenant)
    return accepted + _ready(fresh)


def start(job: Job | None, *, stage: str, token: int, owner: str, engine_version: str) -> Facts:
    """An engine begins the attempt that its queue gave it."""
    state = _current(job, stage, token)
    if state.status == "running" and state.owner == owner:
        return NOTHING
    if state.status != "ready":
        raise Fenced(f"attempt {token} of {stage} is {state.status}, not waiting to start")
    assert job is not None
    engine = job.planned(stage).engine
    return (
        StageStarted(
            stage=stage, token=token, engine=engine, owner=owner, engine_version=engine_version
        ),
    )


def progress(job: Job | None, *, stage: str, token: int, fraction: float) -> Facts:
    """The attempt got further."""
    state = _running(job, stage, token)
    if not fraction > state.progress:  # nor when it is not a number
        return NOTHING
    return (StageProgressed(stage=stage, token=token, fraction=min(fraction, 1.0)),)


def finish(
    job: Job | None,
    *,
    stage: str,
    token: int,
    output: Artifact,
    usage: Usage,
    warnings: tuple[str, ...] = (),
    now: datetime,
) -> Facts:
    """The attempt's output is stored; what waited for it becomes ready."""
    if job is not None and _finished_by(job, stage, token):
        return NOTHING
    _running(job, stage, token)
    assert job is not None
    if job.status == "cancelling":
        return stop(job, stage=stage, token=token, now=now)
    done: Facts = (
        StageCompleted(
            stage=stage, token=token, engine=job.planned(stage).engine, output=output,
            usage=usage, warnings=clip.warnings(warnings),
        ),
    )  # fmt: skip
    return done + _onward(_after(job, done, now))


def fail(
    job: Job | None,
    *,
    stage: str,
    token: int,
    kind: FailureKind,
    reason: str,
    usage: Usage = NO_USAGE,
    now: datetime,
    chance: float,
) -> Facts:
    """The attempt ended badly: try again later, do without it, park it, or end the job.

    ``chance`` in [0, 1) spreads the retries of many jobs over time.
    """
    _running(job, stage, token)
    assert job is not None
    node, reason = job.planned(stage), clip.reason(reason)
    failed: Facts = (
        StageFailed(
            stage=stage, token=token, engine=node.engine, kind=kind, reason=reason, usage=usage
        ),
    )
    after = _after(job, failed, now)
    if job.status == "cancelling":
        return failed + _onward(after)
    count = after.stages[stage].failed
    if kind not in FINAL_KINDS and count < node.budget.failed:
        wait = BACKOFF_S[min(count, len(BACKOFF_S)) - 1] * (0.75 + 0.5 * chance)
        return (*failed, StageRetryScheduled(stage=stage, due_at=now + timedelta(seconds=wait)))
    if not node.required:
        return failed + _then(after, (StageSkipped(stage=stage, reason=reason),), now)
    if kind in FINAL_KINDS:
        return failed + _fail_job(after, reason=reason, kind=kind, stage=stage)
    return (*failed, StageParked(stage=stage, reason=reason))


def lose(
    job: Job | None, *, stage: str, token: int, preempted: bool = False, now: datetime
) -> Facts:
    """The attempt's owner fell silent or had to leave: at once another attempt, within budget."""
    state = _current(job, stage, token)
    assert job is not None
    if state.status not in {"ready", "running"}:
        raise Fenced(f"attempt {token} of {stage} is {state.status}: nothing to take away")
    node = job.planned(stage)
    cause: Literal["lease", "preempted"] = "preempted" if preempted else "lease"
    lost: Facts = (
        StageLost(
            stage=stage, token=token, engine=node.engine, cause=cause, owner=state.owner
        ),
    )  # fmt: skip
    after = _after(job, lost, now)
    if job.status == "cancelling":
        return lost + _onward(after)
    ended = after.stages[stage]
    if ended.lost < node.budget.lost and ended.preempted < node.budget.preempted:
        return (*lost, _attempt(after, node))
    reason = _over_budget(node, ended)
    if not node.required:
        return lost + _then(after, (StageSkipped(stage=stage, reason=reason),), now)
    return (*lost, StageParked(stage=stage, reason=reason))


def stop(job: Job | None, *, stage: str, token: int, now: datetime) -> Facts:
    """The owner of an attempt of a cancelled job has stopped it."""
    _running(job, stage, token)
    assert job is not None
    if job.status != "cancelling":
        raise Refused(f"job {job.id} is {job.status}: nobody cancelled it")
    skipped: Facts = (StageSkipped(stage=stage, reason="job cancelled"),)
    return skipped + _onward(_after(job, skipped, now))


def retry_due(job: Job | None, *, stage: str, now: datetime) -> Facts:
    """The wait of a failed stage is over."""
    if job is None or job.terminal or job.status == "cancelling":
        return NOTHING
    state = job.stages[stage]
    if state.status != "retrying" or state.due_at is None or state.due_at > now:
        return NOTHING
    return (_attempt(job, job.planned(stage)),)


def cancel(job: Job | None, *, reason: str = "", now: datetime) -> Facts:
    """Stop the job: what waits is skipped at once, what runs is told at its next renewal."""
    job = _known(job)
    if job.status in {"cancelled", "cancelling"}:
        return NOTHING
    if job.terminal:
        raise Refused(f"job {job.id} has {job.status} already: there is nothing to cancel")
    asked: Facts = (
        JobCancelRequested(reason=clip.reason(reason)),
        *_skip(job, WAITING, "job cancelled"),
    )
    return asked + _onward(_after(job, asked, now))


def expire(job: Job | None, *, now: datetime) -> Facts:
    """The job's deadline passed: it fails, and running attempts are fenced off."""
    if job is None or job.terminal or job.status == "cancelling":
        return NOTHING
    if job.deadline is None or job.deadline > now:
        return NOTHING
    reason = "the deadline passed before the transcript was there"
    return _fail_job(job, reason=reason, kind="deadline", stage=None)


def unpark(job: Job | None, *, stage: str | None = None, now: datetime) -> Facts:
    """A person gives parked stages (one, or all) a fresh budget."""
    job = _known(job)
    parked = [name for name, state in job.stages.items() if state.status == "parked"]
    chosen = [name for name in parked if stage in {None, name}]
    if not chosen:
        raise Refused(f"job {job.id} is {job.status} and has no parked stage to retry")
    freed: Facts = tuple(StageUnparked(stage=name) for name in chosen)
    return freed + _ready(_after(job, freed, now))


def erase(job: Job | None) -> Facts:
    """Forget what a job that has ended said; a job that has not is to be cancelled first."""
    job = _known(job)
    if job.erased:
        return NOTHING
    if not job.terminal:
        raise Refused(f"job {job.id} is {job.status}: cancel it before it is erased")
    return (JobErased(),)


def waiting(job: Job) -> Facts:
    """What the job's queues hold for it, to be put there again when they were lost; no news."""
    ready = [node for node in job.plan if job.stages[node.name].status == "ready"]
    return tuple(_attempt(job, node, step=0) for node in ready)


def standing(job: Job | None, *, stage: str, token: int) -> str:
    """What a renewal tells the attempt's owner: ok, fenced or cancelled."""
    if job is None:
        return "fenced"
    state = job.stages.get(stage)
    if state is None or state.token != token or state.status != "running":
        return "cancelled" if job.status == "cancelled" else "fenced"
    if job.status == "cancelling":
        return "cancelled"
    return "fenced" if job.terminal else "ok"


def jitter() -> float:
    """The chance that `fail` takes, for callers at the rim."""
    return random.random()  # noqa: S311 - spreads load, guards nothing


def _known(job: Job | None) -> Job:
    if job is None:
        raise UnknownJob("no such job")
    return job


def _current(job: Job | None, stage: str, token: int) -> Stage:
    """The stage's state, when the token is its current attempt's and its job goes on."""
    job = _known(job)
    state = job.stages.get(stage)
    if state is None:
        raise Refused(f"job {job.id} has no stage {stage!r}")
    if state.token != token:
        raise Fenced(f"attempt {token} of {stage} was replaced by attempt {state.token}")
    if job.terminal:
        raise Fenced(f"job {job.id} has {job.status}")
    return state


def _running(job: Job | None, stage: str, token: int) -> Stage:
    state = _current(job, stage, token)
    if state.status != "running":
        raise Fenced(f"attempt {token} of {stage} is {state.status}, not running")
    return state


def _over_budget(node: PlannedStage, ended: Stage) -> str:
    if ended.lost >= node.budget.lost:
        return f"{node.engine} was lost with it {ended.lost} times: it may kill its engine"
    return f"{node.engine} was told to leave {ended.preempted} times before it was done"


def _finished_by(job: Job, stage: str, token: int) -> bool:
    state = job.stages.get(stage)
    return state is not None and state.token == token and state.status == "completed"


def _attempt(job: Job, node: PlannedStage, *, step: int = 1) -> StageReady:
    """The next attempt of a stage; the cost is the seconds of audio that it has to hear."""
    measured = [s.usage.audio_s for s in job.stages.values() if s.usage.audio_s is not None]
    cost = measured[0] if measured else job.source.bytes / BYTES_PER_SECOND
    return StageReady(
        stage=node.name,
        token=job.stages[node.name].token + step,
        engine=node.engine,
        cost=round(max(cost, 0.1), 3),
        priority=job.request.priority,
    )


def _ready(job: Job) -> Facts:
    """A first attempt for each pending stage whose needs are met."""
    over = {name for name, state in job.stages.items() if state.status in {"completed", "skipped"}}
    return tuple(
        _attempt(job, node)
        for node in job.plan
        if job.stages[node.name].status == "pending" and over.issuperset(node.needs)
    )


def _onward(job: Job) -> Facts:
    """What follows from the state: the next stages, or the end of the job."""
    if job.status == "cancelling":
        running = any(state.status == "running" for state in job.stages.values())
        return NOTHING if running else (JobCancelled(),)
    ready = _ready(job)
    if ready or any(s.status not in {"completed", "skipped"} for s in job.stages.values()):
        return ready
    return (_success(job),)


def _success(job: Job) -> JobSucceeded:
    transcript = job.stages[job.plan[-1].name].output
    assert transcript is not None, "the last stage is required"
    skipped = tuple(
        f"{name} was left out: {state.reason}"
        for name, state in job.stages.items()
        if state.status == "skipped"
    )
    heard = tuple(w for state in job.stages.values() for w in state.warnings)
    return JobSucceeded(transcript=transcript, warnings=clip.warnings(skipped + heard))


def _then(job: Job, facts: Facts, now: datetime) -> Facts:
    return facts + _onward(_after(job, facts, now))


def _skip(job: Job, statuses: frozenset[str], reason: str) -> Facts:
    return tuple(
        StageSkipped(stage=name, reason=reason)
        for name, state in job.stages.items()
        if state.status in statuses
    )


def _fail_job(
    job: Job, *, reason: str, kind: FailureKind | Literal["deadline"], stage: str | None
) -> Facts:
    skipped = _skip(job, WAITING | {"running"}, "job failed")
    return (*skipped, JobFailed(reason=reason, kind=kind, stage=stage))


def _after(
    job: Job | None, facts: Sequence[Fact], now: datetime, *, job_id: str = "", tenant: str = ""
) -> Job:
    """The state that the facts lead to, as if they were committed now."""
    after = fold(envelopes(job, facts, now=now, job_id=job_id, tenant=tenant), job)
    assert after is not None
    return after
