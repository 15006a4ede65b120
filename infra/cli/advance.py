"""A job's view and one more event → the next view: how a live display follows the log. Pure."""

from datetime import datetime
from typing import Any

from msgspec.structs import replace

from infra.facts import fact_of
from streams.events import (
    JobCancelled,
    JobCancelRequested,
    JobFailed,
    JobPlanned,
    JobRecovered,
    JobSubmitted,
    JobSucceeded,
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
)
from streams.job import LOST
from web.views import CloudEvent, JobView, StageView

UNBEGUN = StageView(
    name="", engine="", status="pending", token=0, progress=0.0, needs=(), owner="",
    ready_at=None, started_at=None, ended_at=None, due_at=None, reason="", model=None,
    wall_s=None, peak_rss=None, required=True, failed=0, lost=0, preempted=0, kind=None,
    warnings=(), engine_version="", device="", load_s=None, audio_s=None, peak_gpu=None,
    tokens_in=None, tokens_out=None, cost_usd=None, left_out="",
)  # fmt: skip

STATUS_OF = {
    JobSucceeded: "succeeded",
    JobFailed: "failed",
    JobCancelled: "cancelled",
    JobCancelRequested: "cancelling",
    StageParked: "blocked",
    StageUnparked: "running",
}
"""Facts that change a job's status, and to what."""


def advance(view: JobView, event: CloudEvent) -> JobView:  # noqa: PLR0911 - one arm a fact
    """The view after one more event of its job; one that it knows already changes nothing."""
    if event.rev <= view.rev:
        return view
    fact = fact_of(event)
    view = replace(view, rev=event.rev, status=STATUS_OF.get(type(fact), view.status))
    match fact:
        case JobSubmitted():
            view = replace(view, status="queued", filename=fact.filename)
            return replace(view, submitted_at=moment(event))
        case JobPlanned(stages=stages, floor=floor):
            blank = replace(UNBEGUN, token=floor)
            plan = (replace(blank, name=s.name, engine=s.engine, needs=s.needs) for s in stages)
            return replace(view, stages=tuple(plan))
        case JobRecovered(floor=floor):
            raised = (replace(s, token=max(s.token, floor)) for s in view.stages)
            return replace(view, stages=tuple(raised))
        case JobSucceeded(warnings=warnings):
            return replace(
                view, warnings=warnings, transcript=True, progress=1.0, ended_at=moment(event)
            )
        case JobFailed(reason=reason):
            return replace(view, reason=reason, ended_at=moment(event))
        case JobCancelled():
            return replace(view, ended_at=moment(event))
        case _:
            changes = _stage_changes(event)
            changed = tuple(
                replace(stage, **changes) if stage.name == getattr(fact, "stage", None) else stage
                for stage in view.stages
            )
            begun = isinstance(fact, StageStarted) and view.status in {"accepted", "queued"}
            return replace(view, stages=changed, status="running" if begun else view.status)


def moment(event: CloudEvent) -> datetime:
    """When it happened."""
    return datetime.fromisoformat(event.time)


def _stage_changes(event: CloudEvent) -> dict[str, Any]:  # noqa: PLR0911 - one arm a fact
    """What a fact changes in the stage that it names."""
    match fact_of(event):
        case StageReady(token=token):
            return {"status": "ready", "token": token, "progress": 0.0, "ready_at": moment(event)}
        case StageStarted():
            return {"status": "running", "started_at": moment(event)}
        case StageProgressed(fraction=fraction):
            return {"progress": fraction}
        case StageCompleted(usage=usage):
            done = {"status": "completed", "progress": 1.0, "ended_at": moment(event), "reason": ""}
            return {**done, "model": usage.model, "wall_s": usage.wall_s}
        case StageFailed(reason=reason):
            return {"status": "failed", "reason": reason}
        case StageLost(cause=cause):
            return {"status": "failed", "reason": LOST[cause]}
        case StageRetryScheduled(due_at=due_at):
            return {"status": "retrying", "due_at": due_at}
        case StageParked(reason=reason):
            return {"status": "parked", "reason": reason}
        case StageSkipped(reason=reason):
            return {"status": "skipped", "reason": reason}
        case StageUnparked():
            return {"status": "pending", "progress": 0.0}
        case _:
            return {}
