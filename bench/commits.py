"""Commits a second from Python, beside the bare script with its arguments made beforehand.

Both write the same: one event, the state of a job, the head; with a reply after the fsync. The bare
caller packs the same arguments again and again; `Ledger.transition` decides, folds and encodes.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median

import uvloop
from redis.asyncio import Redis

from bench.report import Row, show
from infra.local import valkey as local_valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from streams import decide
from streams.commit import Ledger, Write
from streams.connection import connect
from streams.events import Artifact, JobRequest, StageProgressed
from streams.job import Job, envelopes, fold
from streams.keys import Keys
from streams.log import Head, Log
from streams.pipeline import plan
from streams.script import Script

CALLERS = (1, 64)
ROUNDS, ROUND_S = 5, 1.0
SOURCE = Artifact("s3://dalston/jobs/j/source", "0" * 64, 1_000_000, "audio/flac")
Step = Callable[[int], Awaitable[object]]


@asynccontextmanager
async def server() -> AsyncIterator[Redis]:
    """A Valkey of our own, appendfsync always, with an empty log."""
    run = socket_directory()
    with tempfile.TemporaryDirectory(prefix="dalston-bench-") as home:
        child = Child(
            local_valkey.program(
                data=Path(home) / "data", run=run, log=Path(home) / "log", environ=os.environ
            )
        )
        await child.start()
        try:
            async with connect(local_valkey.url(run), connections=max(CALLERS)) as redis:
                yield redis
        finally:
            await child.stop()
            discard(run)


async def started(ledger: Ledger, job_id: str) -> Job:
    """A job whose first stage runs."""
    request = JobRequest()
    await ledger.transition(
        job_id,
        lambda job, now: decide.submit(
            job, job_id=job_id, tenant="t", request=request, source=SOURCE, filename="a.flac",
            plan=plan(request, []), now=now,
        ),
        tenant="t",
    )  # fmt: skip
    done = await ledger.transition(
        job_id,
        lambda job, _: decide.start(
            job, stage="prepare", token=1, owner="e@h-0", engine_version="1"
        ),
    )
    assert done.job is not None
    return done.job


async def rate(step: Step, callers: int) -> float:
    """How often ``step`` ends in a second, with so many at it at once."""
    count, until = 0, time.perf_counter() + ROUND_S

    async def call(number: int) -> None:
        nonlocal count
        while time.perf_counter() < until:
            await step(number)
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(call(number) for number in range(callers)))
    return count / (time.perf_counter() - began)


def bare(redis: Redis, keys: Keys, job: Job) -> Step:
    """The script itself: a new job's key each time, everything else as it was."""
    script = Script(redis, "commit.lua")
    fact = StageProgressed(stage="prepare", token=1, fraction=0.5)
    later = job.submitted_at + timedelta(days=1)  # or the script takes it for an old one
    events = envelopes(None, (fact,), now=later, job_id=job.id, ids=["e" * 26])
    state = fold(envelopes(job, (fact,), now=job.submitted_at), job)
    arguments = Write(job_id=job.id, state=state, events=tuple(events)).arguments([])
    count = 0

    async def step(_: int) -> object:
        nonlocal count
        count += 1
        reply = await script([keys.log, keys.head, keys.job(f"bare-{count}")], arguments)
        assert reply[0] == b"OK"
        return reply

    return step


def ours(ledger: Ledger, jobs: list[Job]) -> Step:
    """A transition: each caller moves a job of its own, whose state it knows."""

    async def step(caller: int) -> object:
        fraction = jobs[caller].rev / 1e9

        def decided(job: Job | None, _: datetime) -> decide.Facts:
            return decide.progress(job, stage="prepare", token=1, fraction=fraction)

        done = await ledger.transition(jobs[caller].id, decided, known=jobs[caller])
        assert done.job is not None
        assert done.events
        jobs[caller] = done.job
        return done

    return step


async def measure() -> list[Row]:
    """Both, in turn, with one caller and with many."""
    rows = []
    async with server() as redis:
        keys = Keys("bench")
        await Log(redis, keys).create(Head(0, "", 1))
        ledger = Ledger(redis, keys)
        jobs = [await started(ledger, f"job-{number}") for number in range(max(CALLERS))]
        steps = bare(redis, keys, jobs[0]), ours(ledger, jobs)
        for callers in CALLERS:
            figures = []
            for _ in range(ROUNDS):
                figures.append([await rate(step, callers) for step in steps])
                await redis.xtrim(keys.log, maxlen=1000, approximate=True)
            rows += _rows(callers, figures)
    return rows


def _rows(callers: int, figures: list[list[float]]) -> list[Row]:
    """Medians; the ratio is within a round, which took two seconds."""
    script, ledger = (median(column) for column in zip(*figures, strict=True))
    ratio = median(ours / bare for bare, ours in figures)
    who = "1 caller" if callers == 1 else f"{callers} callers"
    return [
        Row(f"bare script, {who}", f"{script:,.0f} commits/s"),
        Row(
            f"Ledger.transition, {who}", f"{ledger:,.0f} commits/s, {ratio:.2f} x bare",
            "half of bare", ratio >= 0.5,
        ),
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(0 if show("Commits, appendfsync always", uvloop.run(measure())) else 1)
