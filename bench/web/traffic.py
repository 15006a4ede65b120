"""What jobs that are being transcribed tell: real facts by real commits, at random moments."""

import asyncio
import random
import time

from bench import traffic
from streams import decide
from streams.commit import Ledger
from streams.events import Heard
from streams.job import Job

STAGE = "transcribe"
SAID = (
    "The family of Dashwood had been long settled in Sussex.",
    "Their estate was large, and their residence was at Norland Park, in the centre of it.",
    "By a former marriage, Mr. Henry Dashwood had one son: by his present lady, three daughters.",
)


class Traffic:
    """Jobs under transcription, each of which tells in turn how far it is and what it heard."""

    def __init__(self, ledger: Ledger, jobs: list[Job]) -> None:
        self.jobs = jobs
        self.commits: list[float] = []
        """Milliseconds that each commit took."""
        self._ledger = ledger
        self._due = 0

    async def run(self, rate: float, seconds: float) -> None:
        """Commit so many a second, as a Poisson process: nobody waits for the commit before."""
        self.commits = []
        began, at = time.monotonic(), 0.0
        async with asyncio.TaskGroup() as going:
            while (at := at + random.expovariate(rate)) < seconds:
                await asyncio.sleep(max(0.0, began + at - time.monotonic()))
                # One after another: a job's next event comes when its last one is long written.
                going.create_task(self._tell(self._due))
                self._due = (self._due + 1) % len(self.jobs)

    async def _tell(self, place: int) -> None:
        job = self.jobs[place]
        sent = time.monotonic()
        done = await self._ledger.transition(
            job.id, lambda job, _: _next(job), known=job, meta={"sent": repr(sent)}
        )
        self.commits.append((time.monotonic() - sent) * 1000)
        assert done.job
        self.jobs[place] = done.job


def _next(job: Job | None) -> decide.Facts:
    """Every other event is of what was heard."""
    assert job
    token, number = job.stages[STAGE].token, job.rev // 2
    if job.rev % 2:
        fraction = job.stages[STAGE].progress + 1e-4
        return decide.progress(job, stage=STAGE, token=token, fraction=fraction)
    text = SAID[number % len(SAID)]
    heard = (Heard(round(number * 3.2, 2), round(number * 3.2 + 3, 2), text),)
    return decide.hear(job, stage=STAGE, token=token, first=number, segments=heard)


async def begun(ledger: Ledger, count: int) -> list[Job]:
    """So many jobs whose audio is prepared and whose transcription runs."""
    gate = asyncio.Semaphore(32)

    async def one() -> Job:
        async with gate:
            job = await traffic.started(ledger, await traffic.submitted(ledger), "prepare")
            return await traffic.started(
                ledger, await traffic.finished(ledger, job, "prepare"), STAGE
            )

    return list(await asyncio.gather(*(one() for _ in range(count))))
