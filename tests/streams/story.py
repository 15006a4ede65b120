"""A job's story for tests: given what happened, when a command comes, then these facts follow."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from streams import decide
from streams.events import (
    Artifact,
    Budget,
    Event,
    Fact,
    FailureKind,
    JobRequest,
    PlannedStage,
    Usage,
    type_of,
)
from streams.job import Job, envelopes, fold

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
AHEAD = datetime(2100, 1, 1, tzinfo=UTC)
"""Of events that a test writes itself: the script takes none that was decided long ago."""
AUDIO = Artifact(uri="s3://b/jobs/j/source", sha256="a" * 64, bytes=640_000, media_type="audio/wav")
OUTPUT = Artifact(uri="s3://b/jobs/j/x/1/output.json", sha256="b" * 64, bytes=99)
HEARD = Usage(engine_version="1.0", wall_s=1.5, audio_s=12.0)
CHAIN = (
    PlannedStage(name="prepare", engine="audio_prepare"),
    PlannedStage(name="transcribe", engine="faster_whisper", needs=("prepare",)),
    PlannedStage(name="merge", engine="merge", needs=("prepare", "transcribe")),
)
FORK = (
    PlannedStage(name="prepare", engine="audio_prepare"),
    PlannedStage(name="transcribe", engine="faster_whisper", needs=("prepare",)),
    PlannedStage(name="diarize", engine="pyannote", needs=("prepare",), required=False),
    PlannedStage(name="merge", engine="merge", needs=("transcribe", "diarize")),
)
SOLO = (PlannedStage(name="only", engine="toy", budget=Budget(failed=2, lost=2, preempted=2)),)


class Story:
    """One job, every event that it has had, and the time."""

    def __init__(
        self,
        plan: tuple[PlannedStage, ...] = CHAIN,
        request: JobRequest | None = None,
        *,
        floor: int = 0,
    ) -> None:
        self.now = NOW
        self.events: list[Event] = []
        self.folded: tuple[int, Job | None] = 0, None
        self.told = self.when(
            decide.submit, job_id="j", tenant="t", request=request or JobRequest(), source=AUDIO,
            filename="talk.wav", plan=plan, now=self.now, floor=floor,
        )  # fmt: skip

    @classmethod
    def of(cls, events: Sequence[Event], now: datetime) -> "Story":
        """The story of which this much was told."""
        story = cls.__new__(cls)
        story.now, story.events, story.told = now, list(events), []
        story.folded = 0, None
        return story

    @property
    def job(self) -> Job:
        """The state: always the fold of the events."""
        job = self.fold()
        assert job is not None
        return job

    def fold(self) -> Job | None:
        """The fold of the events, which only grow: it goes on where it was the last time."""
        count, job = self.folded
        if count < len(self.events):
            self.folded = len(self.events), fold(self.events[count:], job)
        return self.folded[1]

    def when(self, command: Callable[..., decide.Facts], **arguments: Any) -> list[Fact]:
        """Carry out a command; the facts that follow from it happen."""
        facts = command(self.fold(), **arguments)
        self.events += envelopes(
            self.fold(), facts, now=self.now, job_id="j", tenant="t",
            ids=[f"e{len(self.events) + n}" for n in range(len(facts))],
        )  # fmt: skip
        return list(facts)

    def token(self, stage: str) -> int:
        """Of the stage's current attempt."""
        return self.job.stages[stage].token

    def status(self, stage: str = "") -> str:
        """Of the stage; without one, of the job."""
        return self.job.stages[stage].status if stage else self.job.status

    def start(self, stage: str, owner: str = "toy@h-0") -> list[Fact]:
        """The current attempt begins."""
        token = self.token(stage)
        return self.when(decide.start, stage=stage, token=token, owner=owner, engine_version="1.0")

    def finish(
        self, stage: str, usage: Usage = HEARD, warnings: tuple[str, ...] = ()
    ) -> list[Fact]:
        """The current attempt ends well."""
        return self.when(
            decide.finish, stage=stage, token=self.token(stage), output=OUTPUT, usage=usage,
            warnings=warnings, now=self.now,
        )  # fmt: skip

    def fail(self, stage: str, kind: FailureKind = "error", reason: str = "boom") -> list[Fact]:
        """The current attempt ends badly."""
        return self.when(
            decide.fail, stage=stage, token=self.token(stage), kind=kind, reason=reason,
            now=self.now, chance=0.5,
        )  # fmt: skip

    def lose(self, stage: str, *, preempted: bool = False) -> list[Fact]:
        """The owner of the current attempt falls silent."""
        token = self.token(stage)
        return self.when(decide.lose, stage=stage, token=token, preempted=preempted, now=self.now)

    def stop(self, stage: str) -> list[Fact]:
        """The owner of the current attempt of a cancelled job has stopped."""
        return self.when(decide.stop, stage=stage, token=self.token(stage), now=self.now)

    def cancel(self, reason: str = "") -> list[Fact]:
        """Somebody wants the job to stop."""
        return self.when(decide.cancel, reason=reason, now=self.now)

    def expire(self) -> list[Fact]:
        """The timer looks whether the deadline has passed."""
        return self.when(decide.expire, now=self.now)

    def run(self, *stages: str) -> list[Fact]:
        """Each stage starts and finishes; what followed from the last."""
        facts: list[Fact] = []
        for stage in stages:
            self.start(stage)
            facts = self.finish(stage)
        return facts

    def wait(self, seconds: float) -> None:
        """Time goes by."""
        self.now += timedelta(seconds=seconds)

    def retry(self, stage: str) -> list[Fact]:
        """The timer looks whether the stage's wait is over."""
        return self.when(decide.retry_due, stage=stage, now=self.now)


def names(facts: list[Fact]) -> list[str]:
    """Facts as text: type, and the stage that they are about."""
    return [" ".join(filter(None, (type_of(f), getattr(f, "stage", None)))) for f in facts]
