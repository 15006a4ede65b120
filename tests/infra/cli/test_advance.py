"""A view that is moved on event by event says what the API would say."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from infra.cli.advance import advance
from infra.facts import ended
from streams import decide
from streams.cloudevents import cloud_event
from streams.events import Artifact, Event, JobRequest, Usage
from streams.job import Job, envelopes, evolve, fold
from streams.pipeline import plan
from web.views import CloudEvent, JobView, job_view

BEGUN = datetime(2026, 11, 24, tzinfo=UTC)
IDS = [f"e{number}" for number in range(9)]
AUDIO = Artifact("s3://dalston/jobs/j/source", "0" * 64, 320_000)


class Story:
    """A job to which things happen, one a second."""

    def __init__(self) -> None:
        self.job: Job | None = None
        self.events: list[Event] = []
        self.now = BEGUN

    def then(self, facts: decide.Facts) -> "Story":
        self.now += timedelta(seconds=1)
        events = envelopes(self.job, facts, now=self.now, job_id="j", tenant="default", ids=IDS)
        self.job = fold(events, self.job)
        self.events += events
        return self

    def submitted(self) -> "Story":
        request = JobRequest(language="en")
        return self.then(
            decide.submit(
                None, job_id="j", tenant="default", request=request, source=AUDIO,
                filename="a.wav", plan=plan(request, ()), now=self.now,
            )
        )  # fmt: skip

    def started(self, stage: str, token: int = 1) -> "Story":
        return self.then(
            decide.start(self.job, stage=stage, token=token, owner="e@h-0", engine_version="1")
        )

    def progressed(self, stage: str, fraction: float) -> "Story":
        return self.then(decide.progress(self.job, stage=stage, token=1, fraction=fraction))

    def finished(self, stage: str, token: int = 1) -> "Story":
        used = Usage(model="base", wall_s=2.5)
        return self.then(
            decide.finish(
                self.job, stage=stage, token=token, output=AUDIO, usage=used,
                warnings=("quiet",), now=self.now,
            )
        )  # fmt: skip

    def failed(self, stage: str, token: int) -> "Story":
        return self.then(
            decide.fail(
                self.job, stage=stage, token=token, kind="error", reason="it broke",
                now=self.now, chance=0.5,
            )
        )  # fmt: skip

    def retried(self, stage: str) -> "Story":
        self.now += timedelta(hours=1)
        return self.then(decide.retry_due(self.job, stage=stage, now=self.now))


def smooth() -> Story:
    story = Story().submitted().started("prepare").finished("prepare").started("transcribe")
    story.progressed("transcribe", 0.25).finished("transcribe").started("merge")
    return story.finished("merge")


def parked() -> Story:
    story = Story().submitted().started("prepare").finished("prepare")
    for token in (1, 2, 3):
        story.started("transcribe", token).failed("transcribe", token)
        if token < 3:
            story.retried("transcribe")
    return story


def cancelled() -> Story:
    story = Story().submitted().started("prepare")
    story.then(decide.cancel(story.job, now=story.now))
    return story.then(decide.stop(story.job, stage="prepare", token=1, now=story.now))


def lost() -> Story:
    story = Story().submitted().started("prepare")
    return story.then(decide.lose(story.job, stage="prepare", token=1, now=story.now))


def unparked() -> Story:
    story = parked()
    return story.then(decide.unpark(story.job, now=story.now))


def outside(event: Event) -> CloudEvent:
    return msgspec.convert(cloud_event(event), CloudEvent)


def seen(view: JobView) -> object:
    """What a display shows of a job."""
    stages = [(s.name, s.status, s.token, s.progress, s.reason, s.model) for s in view.stages]
    return view.status, view.filename, view.transcript, view.ended_at, view.warnings, stages


@pytest.mark.parametrize("story", [smooth(), parked(), cancelled(), lost(), unparked()])
def test_moving_a_view_on_is_folding_the_job(story: Story) -> None:
    job = evolve(None, story.events[0])
    assert job
    view = job_view(job)
    for event in story.events[1:]:
        job = evolve(job, event)
        assert job
        view = advance(view, outside(event))
        assert seen(view) == seen(job_view(job)), event.type


def test_an_event_that_is_known_already_changes_nothing() -> None:
    events = smooth().events
    job = fold(events)
    assert job
    view = job_view(job)
    assert all(advance(view, outside(event)) is view for event in events)


def test_a_job_that_waits_for_a_person_has_ended_for_the_one_who_watches() -> None:
    job = fold(parked().events)
    assert job
    assert ended(job_view(job))
