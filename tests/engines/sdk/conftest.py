"""A small stack for the engine kit: a log, a store, and toy engines as real processes.

bench    Bench: submit jobs with plans of toys, run a toy's supervisor, wait for events.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis.asyncio import Redis

from streams import decide
from streams.artifacts import Artifacts, source_key
from streams.commit import Ledger
from streams.connection import connect
from streams.events import Budget, Event, Fact, JobRequest, Option, PlannedStage
from streams.ids import new_id
from streams.job import Job
from streams.keys import Keys
from streams.log import Head, Log
from streams.registry import Registry
from streams.settings import Settings
from streams.work import Queue

PREFIX = "DALSTON_"
ONCE = Budget(failed=1, lost=5)


def one(
    do: str = "echo", *, stall_s: float = 30.0, budget: Budget = ONCE, **options: Option
) -> tuple[PlannedStage, ...]:
    """The plan of a job of one stage, done by the toy."""
    node = PlannedStage(
        name="prepare",
        engine="toy",
        options={"do": do, **options},
        stall_s=stall_s,
        budget=budget,
    )
    return (node,)


@dataclass
class Supervisor:
    """A toy's supervisor process, and its log."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    async def stop(self) -> int:
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
                self.send(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 40)


@dataclass
class Bench:
    """What a test of the kit works with."""

    settings: Settings
    redis: Redis
    ledger: Ledger
    log: Log
    artifacts: Artifacts
    folder: Path
    supervisors: list[Supervisor] = field(default_factory=list)

    @property
    def registry(self) -> Registry:
        return Registry(self.redis, self.ledger.keys)

    def queue(self, engine: str = "toy") -> Queue:
        return Queue(self.redis, self.ledger, engine)

    async def start(self, toy: str = "toy", *, slot: int = 0, **more: str) -> Supervisor:
        """Start a supervisor; it is stopped when the test ends."""
        environ = {**os.environ, "TOY": toy, "DALSTON_ENGINE_SLOT": str(slot)}
        environ |= {"DALSTON_DRAIN_S": "5", **more}
        for name in self.settings.__struct_fields__:
            environ.setdefault(PREFIX + name.upper(), str(getattr(self.settings, name)))
        path = self.folder / f"{toy}-{len(self.supervisors)}.log"
        with path.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.engines.sdk.toys", env=environ, stdout=out, stderr=out
            )
        self.supervisors.append(Supervisor(process, path))
        return self.supervisors[-1]

    async def submit(
        self,
        plan: tuple[PlannedStage, ...],
        text: str = "hello",
        request: JobRequest = JobRequest(),  # noqa: B008 - frozen
    ) -> str:
        """A job of that plan, its source a text; the job's id."""
        job_id = new_id()
        source = await self.artifacts.put(source_key(job_id), text.encode(), "text/plain")
        await self.ledger.transition(
            job_id,
            lambda job, now: decide.submit(
                job, job_id=job_id, tenant="default", request=request, source=source,
                filename="a.txt", plan=plan, now=now,
            ),
            tenant="default",
        )  # fmt: skip
        return job_id

    async def job(self, job_id: str) -> Job:
        job = await self.ledger.load(job_id)
        assert job is not None
        return job

    async def until(self, ready: Callable[[Job], object], job_id: str, *, s: float = 20) -> Job:
        """The job once it is as wanted; the test fails when that takes too long."""
        deadline = time.monotonic() + s
        while not ready(job := await self.job(job_id)):
            assert time.monotonic() < deadline, f"not after {s} s: {job}\n{self.logs()}"
            await asyncio.sleep(0.02)
        return job

    async def end(self, job_id: str, *, s: float = 20) -> Job:
        """The job once it has ended or is blocked."""
        return await self.until(lambda job: job.terminal or job.status == "blocked", job_id, s=s)

    async def events(self, job_id: str) -> list[Event]:
        return [event for event in await self.log.read(0, count=10_000) if event.job == job_id]

    async def facts(self, job_id: str) -> list[Fact]:
        return [event.fact for event in await self.events(job_id)]  # type: ignore[misc]

    def logs(self) -> str:
        return "\n".join(s.log.read_text()[-3000:] for s in self.supervisors)


@pytest.fixture
async def bench(settings: Settings, tmp_path: Path) -> AsyncIterator[Bench]:
    keys = Keys(settings.key_prefix, settings.partition)
    async with connect(settings.redis_url) as redis, Artifacts(settings) as artifacts:
        log = Log(redis, keys)
        await log.create(Head(0, "", 1))
        bench = Bench(settings, redis, Ledger(redis, keys), log, artifacts, tmp_path)
        yield bench
        for supervisor in bench.supervisors:
            await supervisor.stop()


def wait_file(path: Path) -> Callable[[Job], object]:
    """For `until`: the toy has begun, as its flag file says."""
    return lambda _: path.exists()
