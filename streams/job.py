"""The state of one job and how each fact changes it: pure, and the same for every reader."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Literal, TypeAlias, assert_never

import msgspec
from msgspec.structs import replace

from streams.erasure import NO_ARTIFACT
from streams.events import (
    AnyFact,
    Artifact,
    EngineDrained,
    EngineExpired,
    EngineRegistered,
    Event,
    Fact,
    FailureKind,
    JobCancelled,
    JobCancelRequested,
    JobErased,
    JobFailed,
    JobPlanned,
    JobRecovered,
    JobRequest,
    JobSubmitted,
    JobSucceeded,
    LogRecovered,
    PlannedStage,
    SegmentFinalized,
    SpeakerRenamed,
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
    TranscriptEdited,
    Unknown,
    Usage,
    type_of,
)

SCHEMA = 3
"""Version of the state's shape; a process refuses to write over a newer one."""
NEW_IN_2: dict[type[msgspec.Struct], str] = {
    JobRequest: "detect_language align character_timestamps diarize min_speakers max_speakers "
    "emotion cleanup summary action_items chapters redact redact_kinds redact_audio engines models "
    "required wait_for_engines",
    PlannedStage: "left_out",
    Usage: "peak_gpu tokens_in tokens_out cost_usd",
}
"""Fields that a reader of schema 1 would drop; a state that uses none of them is of schema 1.

Those of schema 3 are the job's own: ``names`` and ``edits``."""

JobStatus: TypeAlias = Literal[
    "queued", "running", "blocked", "cancelling", "succeeded", "failed", "cancelled"
]
StageStatus: TypeAlias = Literal[
    "pending", "ready", "running", "retrying", "parked", "completed", "skipped", "failed"
]
TOKENS = 100_000
"""Tokens of one epoch of the log, far more than a stage can have attempts: see `floor_of`."""
TERMINAL: frozenset[str] = frozenset({"succeeded", "failed", "cancelled"})


class Stage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One stage of a job: the token names its current attempt and only ever grows."""

    status: StageStatus = "pending"
    token: int = 0
    owner: str = ""
    failed: int = 0
    lost: int = 0
    preempted: int = 0
    progress: float = 0.0
    ready_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    reason: str = ""
    kind: FailureKind | None = None
    output: Artifact | None = None
    usage: Usage = Usage()
    warnings: tuple[str, ...] = ()


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request to transcribe, as the fold of its events; ``rev`` is their number."""

    id: str
    tenant: str
    rev: int
    status: JobStatus
    request: JobRequest
    source: Artifact
    filename: str
    submitted_at: datetime
    again_from: str | None = None
    plan: tuple[PlannedStage, ...] = ()
    stages: dict[str, Stage] = {}
    deadline: datetime | None = None
    ended_at: datetime | None = None
    transcript: Artifact | None = None
    reason: str = ""
    warnings: tuple[str, ...] = ()
    erased: bool = False
    names: dict[str, str] = {}
    """Speaker of the transcript → what people call them."""
    edits: dict[str, str] = {}
    """Number of a segment of the transcript, in digits → the text that somebody put in place."""

    @property
    def terminal(self) -> bool:
        """Nothing more happens to the job by itself."""
        return self.status in TERMINAL

    def planned(self, stage: str) -> PlannedStage:
        """The plan's node of that name; KeyError when there is none."""
        for node in self.plan:
            if node.name == stage:
                return node
        raise KeyError(stage)


def floor_of(epoch: int) -> int:
    """Tokens above it belong to this epoch of the log: none of another, lost or not, is the same.

    An attempt's number among those of its epoch is its token modulo TOKENS.
    """
    return (epoch - 1) * TOKENS


def schema_of(job: Job) -> int:
    """The lowest schema whose readers lose nothing of the state; what is written never falls."""
    if job.erased:  # it may have been of any, which nothing tells any more
        return SCHEMA
    if job.names or job.edits:
        return 3
    parts = (job.request, *job.plan, *(stage.usage for stage in job.stages.values()))
    return 2 if any(map(_is_newer, parts)) else 1


def fold(events: Iterable[Event], job: Job | None = None) -> Job | None:
    """All events of one job, in order, applied to a state."""
    for event in events:
        job = evolve(job, event)
    return job


def evolve(job: Job | None, event: Event) -> Job | None:
    """The state after one more event; one that is no job's, or was seen before, changes nothing."""
    fact = event.fact
    if job is not None and event.rev <= job.rev:
        return job
    if isinstance(fact, JobSubmitted):
        return Job(
            id=event.job,
            tenant=event.tenant,
            rev=event.rev,
            status="queued",
            request=fact.request,
            source=fact.source,
            filename=fact.filename,
            again_from=fact.again_from,
            submitted_at=event.time,
        )
    if job is None:
        return None
    return replace(_apply(job, event), rev=event.rev)


def _apply(job: Job, event: Event) -> Job:  # noqa: PLR0911, PLR0912 - one arm a fact, checked whole
    fact, at = event.fact, event.time
    match fact:
        case JobPlanned(stages=stages, deadline=deadline, floor=floor):
            states = {node.name: Stage(token=floor) for node in stages}
            return replace(job, plan=stages, stages=states, deadline=deadline)
        case StageReady(stage=name, token=token):
            return _stage(
                job, name, status="ready", token=token, owner="", progress=0.0, ready_at=at,
                started_at=None, ended_at=None, due_at=None,
            )  # fmt: skip
        case StageStarted(stage=name, owner=owner):
            status = "running" if job.status == "queued" else job.status
            job = _stage(job, name, status="running", owner=owner, started_at=at)
            return replace(job, status=status)
        case StageProgressed(stage=name, fraction=fraction):
            return _stage(job, name, progress=fraction)
        case StageCompleted(stage=name, output=output, usage=usage, warnings=warnings):
            return _stage(
                job, name, status="completed", output=output, usage=usage, warnings=warnings,
                progress=1.0, ended_at=at, reason="", kind=None,
            )  # fmt: skip
        case StageFailed(stage=name, kind=kind, reason=reason, usage=usage):
            failed = job.stages[name].failed + 1
            return _stage(
                job, name, status="failed", failed=failed, kind=kind, reason=reason, usage=usage,
                ended_at=at,
            )  # fmt: skip
        case StageLost(stage=name, cause=cause):
            stage = job.stages[name]
            return _stage(
                job, name, status="failed", ended_at=at,
                lost=stage.lost + (cause == "lease"),
                preempted=stage.preempted + (cause == "preempted"),
                reason=LOST[cause],
            )  # fmt: skip
        case StageRetryScheduled(stage=name, due_at=due_at):
            return _stage(job, name, status="retrying", due_at=due_at)
        case StageParked(stage=name, reason=reason):
            return replace(_stage(job, name, status="parked", reason=reason), status="blocked")
        case StageUnparked(stage=name):
            job = _stage(job, name, status="pending", failed=0, lost=0, preempted=0)
            blocked = any(stage.status == "parked" for stage in job.stages.values())
            return job if blocked else replace(job, status="running")
        case StageSkipped(stage=name, reason=reason):
            return _stage(job, name, status="skipped", reason=reason, ended_at=at)
        case SpeakerRenamed(speaker=speaker, name=name):
            return replace(job, names=_put(job.names, speaker, name or None))
        case TranscriptEdited(segment=segment, text=words):
            return replace(job, edits=_put(job.edits, str(segment), words))
        case JobCancelRequested(reason=reason):
            return replace(job, status="cancelling", reason=reason)
        case JobSucceeded(transcript=transcript, warnings=warnings):
            return replace(
                job, status="succeeded", transcript=transcript, warnings=warnings, ended_at=at
            )
        case JobFailed(reason=reason):
            return replace(job, status="failed", reason=reason, ended_at=at)
        case JobCancelled():
            return replace(job, status="cancelled", ended_at=at)
        case JobRecovered(floor=floor):
            return replace(job, stages={n: _raised(s, floor) for n, s in job.stages.items()})
        case JobErased():
            return _blank(job)
        case JobSubmitted() | EngineRegistered() | EngineDrained() | EngineExpired():
            return job
        case SegmentFinalized() | LogRecovered() | Unknown():
            return job
        case _:
            assert_never(fact)


def envelopes(
    job: Job | None,
    facts: Sequence[AnyFact] | Sequence[Fact],
    *,
    now: datetime,
    job_id: str = "",
    tenant: str = "",
    rev: int | None = None,
    ids: Sequence[str] = (),
    meta: dict[str, str] | None = None,
) -> list[Event]:
    """Facts as the events that follow a job's state; ``ids`` are empty for a rehearsal."""
    base = rev if rev is not None else job.rev if job else 0
    return [
        Event(
            id=ids[i] if ids else "",
            type=type_of(fact),
            time=now,
            job=job.id if job else job_id,
            rev=base + i + 1,
            tenant=job.tenant if job else tenant,
            fact=fact,  # type: ignore[arg-type]
            meta=meta or {},
        )
        for i, fact in enumerate(facts)
    ]


LOST = {"lease": "its engine fell silent", "preempted": "its engine was told to leave"}


def _stage(job: Job, name: str, **changes: object) -> Job:
    stage = replace(job.stages[name], **changes)
    return replace(job, stages={**job.stages, name: stage})


def _put(values: dict[str, str], key: str, value: str | None) -> dict[str, str]:
    """The values with one more; None takes it away."""
    others = {one: kept for one, kept in values.items() if one != key}
    return others if value is None else {**others, key: value}


_DEFAULTS: dict[type[msgspec.Struct], msgspec.Struct] = {
    JobRequest: JobRequest(),
    PlannedStage: PlannedStage(name="", engine=""),
    Usage: Usage(),
}
_NEWER = {
    kind: tuple((name, getattr(_DEFAULTS[kind], name)) for name in names.split())
    for kind, names in NEW_IN_2.items()
}


def _is_newer(part: msgspec.Struct) -> bool:
    return any(getattr(part, name) != default for name, default in _NEWER[type(part)])


def _raised(stage: Stage, floor: int) -> Stage:
    return replace(stage, token=max(stage.token, floor))


def _blank(job: Job) -> Job:
    """The job without a word of its owner's: equal to the fold of its blanked events."""
    stages = {
        name: replace(
            stage, output=stage.output and NO_ARTIFACT, reason="", warnings=(), usage=stage.usage
        )
        for name, stage in job.stages.items()
    }
    return replace(
        job,
        request=JobRequest(),
        source=NO_ARTIFACT,
        filename="",
        plan=tuple(replace(node, options={}, left_out="") for node in job.plan),
        stages=stages,
        transcript=job.transcript and NO_ARTIFACT,
        reason="",
        warnings=(),
        erased=True,
        names={},
        edits={},
    )


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Job)


def encode(job: Job) -> bytes:
    """The state as JSON, as Redis and Postgres keep it."""
    return _encoder.encode(job)


def decode(data: bytes | str) -> Job:
    """The state from JSON."""
    return _decoder.decode(data)
