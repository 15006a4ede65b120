"""Jobs by real commits, without engines: what a log looks like under load."""

import asyncio
from functools import partial

from streams import decide
from streams.commit import Ledger
from streams.events import Artifact, JobRequest, Usage
from streams.ids import new_id
from streams.job import Job
from streams.pipeline import plan

EVENTS_A_JOB = 12
HEARD = Usage(
    engine_version="0.1.0", model="tiny.en", wall_s=1.25, audio_s=30.0, peak_rss=310_000_000
)


def artifact(job_id: str, stage: str, token: int = 1) -> Artifact:
    """As an engine would name its output."""
    uri = f"s3://dalston/jobs/{job_id}/{stage}/{token}/output.json"
    return Artifact(uri=uri, sha256="9f" * 32, bytes=14_211, media_type="application/json")


async def submitted(
    ledger: Ledger,
    job_id: str = "",
    request: JobRequest | None = None,
    again_from: str | None = None,
) -> Job:
    """A job that waits for its first engine."""
    request = request or JobRequest(language="en")
    job_id = job_id or new_id()
    done = await ledger.transition(
        job_id,
        lambda job, now: decide.submit(
            job,
            job_id=job_id,
            tenant="default",
            request=request,
            source=artifact(job_id, "source"),
            filename="interview with a guest.mp3",
            plan=plan(request, []),
            now=now,
            again_from=again_from,
        ),
        tenant="default",
    )
    assert done.job
    return done.job


async def started(ledger: Ledger, job: Job, stage: str) -> Job:
    """The same job when an engine has begun that stage."""
    begin = partial(
        decide.start,
        stage=stage,
        token=job.stages[stage].token,
        owner=f"{stage}@host-0",
        engine_version="0.1.0",
    )
    done = await ledger.transition(job.id, lambda job, _: begin(job), known=job)
    assert done.job
    return done.job


async def finished(ledger: Ledger, job: Job, stage: str) -> Job:
    """The same job when that stage is completed."""
    end = partial(
        decide.finish,
        stage=stage,
        token=job.stages[stage].token,
        output=artifact(job.id, stage, job.stages[stage].token),
        usage=HEARD,
    )
    done = await ledger.transition(job.id, lambda job, now: end(job, now=now), known=job)
    assert done.job
    return done.job


async def succeeded(ledger: Ledger, job_id: str = "") -> Job:
    """A whole job: EVENTS_A_JOB events in seven commits."""
    job = await submitted(ledger, job_id)
    for node in job.plan:
        job = await finished(ledger, await started(ledger, job, node.name), node.name)
    return job


async def many(ledger: Ledger, jobs: int, *, at_once: int = 64) -> None:
    """So many whole jobs, interleaved on the log."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> None:
        async with gate:
            await succeeded(ledger)

    await asyncio.gather(*[one() for _ in range(jobs)])
