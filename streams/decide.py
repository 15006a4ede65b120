"""State and command → facts: every rule of a job's life, pure.

Each function takes the job as it is, what the caller saw, and the time, and gives the facts to
commit; an empty tuple means that the command was carried out before. What does not fit is Refused.
"""

import random
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from streams import clip, sequel
from streams.errors import Fenced, Refused, UnknownJob
from streams.events import (
    Artifact,
    FailureKind,
    Heard,
    JobCancelRequested,
    JobErased,
    JobPlanned,
    JobRecovered,
    JobRequest,
    JobSubmitted,
    PlannedStage,
    SegmentFinalized,
    SpeakerRenamed,
    StageCompleted,
    StageFailed,
    StageLost,
    StageProgressed,
    StageRetryScheduled,
    StageSkipped,
    StageStarted,
    StageUnparked,
    TranscriptEdited,
    Usage,
)
from streams.job import Job, Stage
from streams.sequel import NOTHING, WAITING

Facts: TypeAlias = sequel.Facts
FINAL_KINDS = sequel.FINAL_KINDS
NO_USAGE = Usage()
BACKOFF_S = (1.0, 5.0, 30.0, 120.0)
"""Wait before the second, third … attempt of a stage that failed, before jitter."""
LONGEST_NAME, LONGEST_EDIT, MOST_EDITED = 100, 5_000, 500_000
"""Characters of a speaker's name, of a corrected segment, and of all corrections of a job: its
state is written whole with each of them."""
LONGEST_BACKOFF = timedelta(seconds=BACKOFF_S[-1] * 1.25)


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
    floor: int = 0,
) -> Facts:
    """Accept a job with its plan, and make its first stages ready.

    ``floor`` is that of the log's epoch: the job may have been submitted in one that was lost.
    """
    if job is not None:
        return NOTHING
    accepted: Facts = (
        JobSubmitted(request=request, source=source, filename=filename, again_from=again_from),
        JobPlanned(stages=plan, deadline=_deadline(request, now), floor=floor),
    )
    fresh = sequel.rehearsed(None, accepted, now, job_id=job_id, tenant=tenant)
    return accepted + sequel.onward(fresh)


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
    fraction = min(fraction, 1.0)
    if not fraction > state.progress:  # nor when it is not a number
        return NOTHING
    return (StageProgressed(stage=stage, token=token, fraction=fraction),)


def hear(
    job: Job | None, *, stage: str, token: int, first: int, segments: tuple[Heard, ...]
) -> Facts:
    """The attempt heard more; words that are to be masked are told to nobody."""
    _running(job, stage, token)
    assert job is not None
    if not segments or job.request.redact:
        return NOTHING
    return (SegmentFinalized(stage=stage, token=token, first=first, segments=segments),)


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
    return done + sequel.onward(sequel.rehearsed(job, done, now))


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
    after = sequel.rehearsed(job, failed, now)
    if job.status == "cancelling":
        return failed + sequel.onward(after)
    count = after.stages[stage].failed
    if kind not in FINAL_KINDS and count < node.budget.failed:
        wait = BACKOFF_S[min(count, len(BACKOFF_S)) - 1] * (0.75 + 0.5 * chance)
        return (*failed, StageRetryScheduled(stage=stage, due_at=now + timedelta(seconds=wait)))
    return failed + sequel.given_up(after, node, reason, now)


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
    after = sequel.rehearsed(job, lost, now)
    if job.status == "cancelling":
        return lost + sequel.onward(after)
    return lost + sequel.replaced(after, node, now)


def stop(job: Job | None, *, stage: str, token: int, now: datetime) -> Facts:
    """The owner of an attempt of a cancelled job has stopped it."""
    _running(job, stage, token)
    assert job is not None
    if job.status != "cancelling":
        raise Refused(f"job {job.id} is {job.status}: nobody cancelled it")
    skipped: Facts = (StageSkipped(stage=stage, reason="job cancelled"),)
    return skipped + sequel.onward(sequel.rehearsed(job, skipped, now))


def retry_due(job: Job | None, *, stage: str, now: datetime) -> Facts:
    """The wait of a failed stage is over; or it cannot be, for the clock went back since."""
    if job is None or job.terminal or job.status == "cancelling":
        return NOTHING
    state = job.stages[stage]
    if state.status != "retrying" or state.due_at is None:
        return NOTHING
    if now < state.due_at <= now + LONGEST_BACKOFF:
        return NOTHING
    return (sequel.attempt(job, job.planned(stage)),)


def cancel(job: Job | None, *, reason: str = "", now: datetime) -> Facts:
    """Stop the job: what waits is skipped at once, what runs is told at its next renewal."""
    job = _known(job)
    if job.status in {"cancelled", "cancelling"}:
        return NOTHING
    if job.terminal:
        raise Refused(f"job {job.id} has {job.status} already: there is nothing to cancel")
    asked: Facts = (
        JobCancelRequested(reason=clip.reason(reason)),
        *sequel.skip(job, WAITING, "job cancelled"),
    )
    return asked + sequel.onward(sequel.rehearsed(job, asked, now))


def expire(job: Job | None, *, now: datetime) -> Facts:
    """The job's deadline passed: it fails, and running attempts are fenced off."""
    if job is None or job.terminal or job.status == "cancelling":
        return NOTHING
    if job.deadline is None or job.deadline > now:
        return NOTHING
    reason = "the deadline passed before the transcript was there"
    return sequel.fail_job(job, reason=reason, kind="deadline", stage=None)


def unpark(job: Job | None, *, stage: str | None = None, now: datetime) -> Facts:
    """A person gives parked stages (one, or all) a fresh budget."""
    job = _known(job)
    parked = [name for name, state in job.stages.items() if state.status == "parked"]
    chosen = [name for name in parked if stage in {None, name}]
    if not chosen:
        raise Refused(f"job {job.id} is {job.status} and has no parked stage to retry")
    freed: Facts = tuple(StageUnparked(stage=name) for name in chosen)
    return freed + sequel.first_attempts(sequel.rehearsed(job, freed, now))


def rename(job: Job | None, *, speaker: str, name: str) -> Facts:
    """Call a speaker of the finished transcript by a name; an empty one takes it back."""
    job, name = _transcribed(job), " ".join(name.split())
    if len(name) > LONGEST_NAME:
        raise Refused(f"a speaker's name has at most {LONGEST_NAME} characters, not {len(name)}")
    if job.names.get(speaker, "") == name:
        return NOTHING
    return (SpeakerRenamed(speaker=speaker, name=name),)


def edit(job: Job | None, *, segment: int, text: str | None) -> Facts:
    """Put other words in the place of a segment's; None lets the original stand again."""
    job = _transcribed(job)
    if text is not None and len(text) > LONGEST_EDIT:
        raise Refused(f"a segment has at most {LONGEST_EDIT} characters, not {len(text)}")
    if job.edits.get(str(segment)) == text:
        return NOTHING
    others = sum(len(kept) for number, kept in job.edits.items() if number != str(segment))
    if text is not None and others + len(text) > MOST_EDITED:
        raise Refused(f"job {job.id} has {MOST_EDITED} characters of corrections already")
    return (TranscriptEdited(segment=segment, text=text),)


def erase(job: Job | None) -> Facts:
    """Forget what a job that has ended said; a job that has not is to be cancelled first."""
    job = _known(job)
    if job.erased:
        return NOTHING
    if not job.terminal:
        raise Refused(f"job {job.id} is {job.status}: cancel it before it is erased")
    return (JobErased(),)


def recover(job: Job | None, *, floor: int, plan: tuple[PlannedStage, ...], now: datetime) -> Facts:
    """Redis was rebuilt from the archive: every attempt begins again, with a token above the floor.

    The archive may end anywhere, between two facts of one commit too: what followed is decided
    anew. ``plan`` is for a job whose archive ends before it had one.
    """
    if job is None or job.terminal:
        return NOTHING
    if job.plan and all(state.token >= floor for state in job.stages.values()):
        return NOTHING
    facts: Facts = (JobRecovered(floor=floor),)
    if not job.plan:
        deadline = _deadline(job.request, job.submitted_at)
        facts = (JobPlanned(stages=plan, deadline=deadline, floor=floor),)
    if job.status == "cancelling":
        facts += sequel.skip(job, WAITING, "job cancelled")
    for stage, was in job.stages.items():
        so_far = sequel.rehearsed(job, facts, now)
        if so_far.stages[stage].status == was.status and not so_far.terminal:
            facts += _resumed(so_far, stage, now)
    return sequel.then(job, facts, now)


def waiting(job: Job) -> Facts:
    """What the job's queues hold for it, to be put there again when they were lost; no news."""
    ready = [node for node in job.plan if job.stages[node.name].status == "ready"]
    return tuple(sequel.attempt(job, node, step=0) for node in ready)


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


def _transcribed(job: Job | None) -> Job:
    job = _known(job)
    if job.erased:
        raise Refused(f"job {job.id} was erased: there is nothing left to correct")
    if job.transcript is None:
        raise Refused(f"job {job.id} is {job.status}: it has no transcript to correct")
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


def _deadline(request: JobRequest, now: datetime) -> datetime | None:
    return None if request.deadline_s is None else now + timedelta(seconds=request.deadline_s)


def _resumed(job: Job, stage: str, now: datetime) -> Facts:
    """What becomes of a stage whose attempts are all gone."""
    state, node = job.stages[stage], job.planned(stage)
    if state.status == "running":
        return lose(job, stage=stage, token=state.token, preempted=True, now=now)
    if job.status == "cancelling":
        return NOTHING
    if state.status == "ready":
        return (sequel.attempt(job, node),)
    if state.status == "failed":
        return sequel.replaced(job, node, now)
    if state.status == "skipped" and node.required:  # the job was about to fail
        return sequel.fail_job(job, reason=state.reason, kind="error", stage=stage)
    return NOTHING


def _finished_by(job: Job, stage: str, token: int) -> bool:
    state = job.stages.get(stage)
    return state is not None and state.token == token and state.status == "completed"
