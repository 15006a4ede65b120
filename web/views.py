"""What the API answers with: typed, and a job's view built purely from its state."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import Meta

from streams import sequel
from streams.events import JobRequest, PlannedStage
from streams.job import Job, Stage
from streams.registry import Announcement
from streams.work import Depth

if TYPE_CHECKING:  # clients read these shapes too, and should not have to load SQLAlchemy
    from projector.submissions import Submission

LIGHT = {"prepare": 1.0, "merge": 1.0}
"""Stages that take little of a job's time; any other counts HEAVY when progress is summed up."""
HEAVY = 20.0
OVER = {"completed", "skipped"}


class StageView(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of a job: ``token`` names its current attempt, and only grows."""

    name: str
    engine: str
    status: str
    token: int
    progress: Annotated[float, Meta(ge=0, le=1)]
    needs: tuple[str, ...]
    owner: str
    ready_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    due_at: datetime | None
    reason: str
    model: str | None
    wall_s: float | None
    peak_rss: int | None
    required: bool = False
    failed: int = 0
    lost: int = 0
    preempted: int = 0
    kind: str | None = None
    warnings: tuple[str, ...] = ()
    engine_version: str = ""
    device: str = ""
    load_s: float | None = None
    audio_s: float | None = None
    peak_gpu: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None
    left_out: Annotated[str, Meta(description="why it is not done though it was asked for")] = ""


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """One job. Status ``accepted`` means stored, with its first event on the way."""

    id: str
    status: str
    tenant: str
    filename: str
    submitted_at: datetime
    ended_at: datetime | None
    progress: Annotated[float, Meta(ge=0, le=1)]
    audio_s: Annotated[float | None, Meta(description="seconds of audio, once it was measured")]
    reason: str
    warnings: tuple[str, ...]
    rev: int
    request: JobRequest
    stages: tuple[StageView, ...]
    transcript: Annotated[bool, Meta(description="whether there is a transcript to get")]
    again_from: str | None
    erased: bool
    names: Annotated[dict[str, str], Meta(description="speaker → the name that people gave")] = {}
    edited: Annotated[int, Meta(description="segments whose text somebody corrected")] = 0
    edits: Annotated[tuple[int, ...], Meta(description="which segments those are, by number")] = ()


class JobList(msgspec.Struct, frozen=True):
    """Jobs, newest first; ``next`` is the ``before`` of the next page, null on the last one."""

    jobs: list[JobView]
    next: str | None


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event as CloudEvents 1.0 with the log's own attributes beside; ``meta`` is JSON."""

    specversion: str
    id: str
    source: str
    type: str
    time: str
    datacontenttype: str
    seq: int
    epoch: int
    rev: int
    data: dict[str, Any]
    subject: str = ""
    tenant: str = ""
    prev: str = ""
    meta: str = ""


class EventList(msgspec.Struct, frozen=True):
    """Events in order; ``next`` is the ``after`` of the next page, null when there is none yet."""

    events: list[CloudEvent]
    next: int | None


class HitView(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of a transcript that holds what was searched for; times in seconds.

    ``marks`` are [start, end) offsets into ``snippet``, in code points.
    """

    job: str
    filename: str
    start: float
    end: float
    speaker: str | None
    text: str
    snippet: str
    marks: list[tuple[int, int]]


class HitList(msgspec.Struct, frozen=True):
    """Hits, best first."""

    hits: list[HitView]


class PeaksView(msgspec.Struct, frozen=True):
    """How loud a track is, to draw it by: the loudest of each window, 255 is full scale."""

    duration: Annotated[float, Meta(description="seconds of the track")]
    window_s: Annotated[float, Meta(description="seconds of each window, the last may be shorter")]
    peaks: list[Annotated[int, Meta(ge=0, le=255)]]


class TenantQueue(msgspec.Struct, frozen=True):
    """How much of a tenant's waits for an engine, the oldest of it ``since`` then."""

    tenant: str
    waiting: int
    since: datetime | None = None


class EngineView(msgspec.Struct, frozen=True):
    """An engine: who runs it, and what waits for it."""

    name: str
    stage: str
    replicas: list[Announcement]
    queue: Depth
    drained: Annotated[bool, Meta(description="whether it is to take no tasks now")] = False
    tenants: list[TenantQueue] = []


class EngineList(msgspec.Struct, frozen=True):
    """All engines that are up, and those that tasks wait for."""

    engines: list[EngineView]


class Health(msgspec.Struct, frozen=True):
    """The process lives."""

    status: str
    version: str
    profile: str


class Readiness(msgspec.Struct, frozen=True):
    """Whether each server behind this one answers: "ok", or what is wrong and the cure."""

    ready: bool
    redis: str
    postgres: str
    s3: str
    live: str


def job_view(job: Job) -> JobView:
    """A job's state as the API shows it."""
    stages = tuple(_stage_view(node, job.stages.get(node.name, Stage())) for node in job.plan)
    return JobView(
        id=job.id,
        status=job.status,
        tenant=job.tenant,
        filename=job.filename,
        submitted_at=job.submitted_at,
        ended_at=job.ended_at,
        progress=1.0 if job.status == "succeeded" else _progress(job.status, stages),
        audio_s=_audio_s(job),
        reason=job.reason or _blocked_by(stages),
        warnings=job.warnings if job.terminal else sequel.losses(job),
        rev=job.rev,
        request=job.request,
        stages=stages,
        transcript=job.transcript is not None and not job.erased,
        again_from=job.again_from,
        erased=job.erased,
        names=job.names,
        edited=len(job.edits),
        edits=tuple(sorted(map(int, job.edits))),
    )


def accepted_view(submission: "Submission") -> JobView:
    """A job whose audio and request are safe in Postgres while its first event is on the way."""
    return JobView(
        id=submission.id,
        status="accepted",
        tenant=submission.tenant,
        filename=submission.filename,
        submitted_at=submission.accepted_at,
        ended_at=None,
        progress=0.0,
        audio_s=None,
        reason="",
        warnings=(),
        rev=0,
        request=submission.request,
        stages=(),
        transcript=False,
        again_from=submission.again_from,
        erased=False,
        names={},
        edited=0,
        edits=(),
    )


def _stage_view(node: PlannedStage, stage: Stage) -> StageView:
    ran = stage.usage.wall_s > 0
    return StageView(
        name=node.name,
        engine=node.engine,
        status=stage.status,
        token=stage.token,
        progress=round(stage.progress, 4),
        needs=node.needs,
        owner=stage.owner,
        ready_at=stage.ready_at,
        started_at=stage.started_at,
        ended_at=stage.ended_at,
        due_at=stage.due_at,
        reason=stage.reason,
        model=stage.usage.model,
        wall_s=stage.usage.wall_s if ran else None,
        peak_rss=stage.usage.peak_rss,
        required=node.required,
        failed=stage.failed,
        lost=stage.lost,
        preempted=stage.preempted,
        kind=stage.kind,
        warnings=stage.warnings,
        engine_version=stage.usage.engine_version,
        device=stage.usage.device,
        load_s=stage.usage.load_s if ran else None,
        audio_s=stage.usage.audio_s,
        peak_gpu=stage.usage.peak_gpu,
        tokens_in=stage.usage.tokens_in,
        tokens_out=stage.usage.tokens_out,
        cost_usd=stage.usage.cost_usd,
        left_out=node.left_out,
    )


def _progress(status: str, stages: tuple[StageView, ...]) -> float:
    """How far it got: what is left out counts as done only in a job that goes on without it."""
    over = {"completed"} if status in {"failed", "cancelling", "cancelled"} else OVER
    weights = [LIGHT.get(stage.name, HEAVY) for stage in stages]
    done = sum(
        weight * (1.0 if stage.status in over else stage.progress)
        for weight, stage in zip(weights, stages, strict=True)
    )
    return round(done / sum(weights), 4) if weights else 0.0


def _audio_s(job: Job) -> float | None:
    measured = (stage.usage.audio_s for stage in job.stages.values())
    return next((seconds for seconds in measured if seconds is not None), None)


def _blocked_by(stages: tuple[StageView, ...]) -> str:
    parked = [f"{stage.name}: {stage.reason}" for stage in stages if stage.status == "parked"]
    return "; ".join(parked)
