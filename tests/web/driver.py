"""A job driven through its stages with the same decisions that engines commit."""

from datetime import datetime

from streams import decide
from streams.artifacts import Artifacts, key_of
from streams.commit import Committed, Ledger
from streams.events import Artifact, FailureKind, Usage
from streams.job import Job
from streams.transcript import Prepared, Provenance, Segment, Transcript, Word

Output = Transcript | Prepared

HELLO = Transcript(
    duration=2.5,
    language="en",
    language_probability=0.98,
    segments=(
        Segment(
            start=0.2,
            end=2.1,
            text="Hello <world>, & all.",
            words=(
                Word("Hello", 0.2, 0.6, 0.99),
                Word("<world>,", 0.7, 1.2, 0.9),
                Word("&", 1.3, 1.4, 0.8),
                Word("all.", 1.5, 2.1, 0.97),
            ),
        ),
    ),
    provenance=(Provenance(stage="transcribe", engine="faster_whisper", version="1", token=1),),
)


class Driver:
    """Plays the engines."""

    def __init__(self, ledger: Ledger, artifacts: Artifacts) -> None:
        self.ledger = ledger
        self.artifacts = artifacts

    async def state(self, job_id: str) -> Job:
        """The job as Redis has it."""
        job = await self.ledger.load(job_id)
        assert job is not None
        return job

    async def start(self, job_id: str, stage: str) -> Committed:
        """Begin the stage's current attempt."""
        token = (await self.state(job_id)).stages[stage].token
        return await self.ledger.transition(
            job_id,
            lambda job, _: decide.start(
                job, stage=stage, token=token, owner=f"{stage}@here-0", engine_version="1"
            ),
        )

    async def progress(self, job_id: str, stage: str, fraction: float) -> Committed:
        """Get further."""
        token = (await self.state(job_id)).stages[stage].token
        return await self.ledger.transition(
            job_id,
            lambda job, _: decide.progress(job, stage=stage, token=token, fraction=fraction),
        )

    async def finish(
        self, job_id: str, stage: str, output: Output = HELLO, *, model: str | None = None
    ) -> Committed:
        """End the stage with an output."""
        token = (await self.state(job_id)).stages[stage].token
        made: Artifact = await self.artifacts.put_value(
            key_of(job_id, stage, token, "output.json"), output
        )
        usage = Usage(
            engine_version="1", model=model, wall_s=0.5, audio_s=output.duration, peak_rss=1 << 20
        )
        return await self.ledger.transition(
            job_id,
            lambda job, now: decide.finish(
                job, stage=stage, token=token, output=made, usage=usage, now=now
            ),
        )

    async def run(self, job_id: str, stage: str, output: Output = HELLO) -> None:
        """The whole of a stage."""
        await self.start(job_id, stage)
        await self.progress(job_id, stage, 0.5)
        await self.finish(job_id, stage, output, model="tiny" if stage == "transcribe" else None)

    async def complete(self, job_id: str, output: Transcript = HELLO) -> None:
        """The whole of a job."""
        for stage in ("prepare", "transcribe", "merge"):
            await self.run(job_id, stage, output)

    async def complete_from(self, job_id: str, first: str) -> None:
        """The rest of a job."""
        stages = ("prepare", "transcribe", "merge")
        for stage in stages[stages.index(first) :]:
            await self.run(job_id, stage)

    async def fail(self, job_id: str, stage: str, kind: FailureKind, reason: str) -> Committed:
        """End the stage badly."""
        await self.start(job_id, stage)
        token = (await self.state(job_id)).stages[stage].token
        return await self.ledger.transition(
            job_id,
            lambda job, now: decide.fail(
                job, stage=stage, token=token, kind=kind, reason=reason, now=now, chance=0.5
            ),
        )

    async def park(self, job_id: str, stage: str) -> None:
        """Fail until the stage's budget is spent."""
        for _ in range(3):
            await self.fail(job_id, stage, "error", "the model raised ValueError")
            job = await self.state(job_id)
            due = job.stages[stage].due_at
            if due is not None:
                await self.retry(job_id, stage, due)

    async def retry(self, job_id: str, stage: str, now: datetime) -> Committed:
        """The wait of a failed stage is over."""
        return await self.ledger.transition(
            job_id, lambda job, _: decide.retry_due(job, stage=stage, now=now)
        )
