"""A tenant floods a stack, another one sends a single job: how long it waits, and behind whom."""

import asyncio
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from bench.load.place import progress, stack
from bench.report import Row
from infra.local.stack import Stack
from projector import database, submissions
from projector.submissions import Submission
from streams.artifacts import Artifacts
from streams.commit import RELEASE_WINDOW, Ledger
from streams.connection import connect
from streams.events import Artifact, Event, JobRequest, StageReady, StageStarted
from streams.ids import new_id
from streams.keys import Keys
from streams.log import Log
from tests.echo.script import Script, encode

FLOOD, LONE = "flood", "lone"
AT_ONCE = 16
WAIT_S = 120.0


@dataclass(frozen=True)
class Fairness:
    """So many jobs of one tenant stand in line when the other one's comes."""

    flood: int
    replicas: int
    home: Path | None = None


async def run(load: Fairness) -> list[Row]:
    """Flood the stack, send the one, and read on the log what happened."""
    async with stack(load.home, load.replicas) as running:
        door = Door(running)
        async with door:
            began = time.monotonic()
            await door.flood(load.flood)
            taken = time.monotonic() - began
            before = await door.log.head()
            assert before
            waiting = await door.waiting()
            progress(f"{load.flood:,} accepted in {taken:.0f} s, {waiting:,} of them wait")
            lone = await door.send(LONE)
            story = await door.story(before.seq, lone)
        return _rows(load, story, lone, waiting, taken)


class Door:
    """Accepts jobs of any tenant as the web does: a row, then the first events."""

    def __init__(self, running: Stack) -> None:
        settings = running.settings
        self._artifacts = Artifacts(settings)
        self._redis = connect(settings.redis_url)
        self._keys = Keys(settings.key_prefix, settings.partition)
        self._ledger = Ledger(self._redis, self._keys)
        self._database: AsyncEngine = database.engine(settings)
        self._source: Artifact | None = None
        self.log = Log(self._redis, self._keys)

    async def __aenter__(self) -> "Door":
        await self._artifacts.__aenter__()
        script = encode(Script(says="all of the same", audio_s=10.0))
        self._source = await self._artifacts.put("load/source", script, "application/json")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._artifacts.__aexit__(None, None, None)
        await self._redis.aclose()
        await self._database.dispose()

    async def flood(self, jobs: int) -> None:
        """So many of the one tenant."""
        gate = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with gate:
                await self.send(FLOOD)

        await asyncio.gather(*(one() for _ in range(jobs)))

    async def send(self, tenant: str) -> str:
        """One job; its id."""
        assert self._source
        wanted = Submission(
            id=new_id(), tenant=tenant, fingerprint="", filename="a.json", source=self._source,
            request=JobRequest(), accepted_at=datetime.now(UTC),
        )  # fmt: skip
        async with self._database.begin() as connection:
            await submissions.accept(connection, wanted)
        await submissions.submit(self._ledger, wanted, [], asked=time.monotonic())
        return wanted.id

    async def waiting(self) -> int:
        """Tasks of the first stage that have not been handed out."""
        return int(await self._redis.zcard(self._keys.backlog("audio_prepare")))

    async def story(self, after: int, job: str) -> list[Event]:
        """Every event from ``after`` until that job has ended."""
        events: list[Event] = []
        async with asyncio.timeout(WAIT_S):
            async for batch in self.log.follow(after):
                events += batch
                if any(e.job == job and e.type == "job.succeeded" for e in batch):
                    return events
        return events


def _rows(load: Fairness, story: list[Event], lone: str, waiting: int, taken: float) -> list[Row]:
    mine = [event for event in story if event.job == lone]
    whole = (mine[-1].time - mine[0].time).total_seconds()
    starts = [e for e in story if isinstance(e.fact, StageStarted) and e.fact.stage == "prepare"]
    pace = (starts[-1].time - starts[0].time).total_seconds() / max(1, len(starts) - 1)
    rows = [
        Row("jobs of the one tenant", f"{load.flood:,} in {taken:.0f} s, {waiting:,} still wait"),
        Row("the other's job, sent to transcript", f"{whole:.2f} s"),
        Row("… first come, first served: about", f"{waiting * pace:,.0f} s"),
    ]
    # What stands ready already, what runs, and the one at whose end it is released.
    most = RELEASE_WINDOW + 2 * load.replicas
    for stage in ("prepare", "transcribe", "merge"):
        before, wait = behind(story, lone, stage)
        rows.append(
            Row(
                f"{stage}: dispatches before it, its wait", f"{before}, {wait * 1000:.0f} ms",
                f"at most {most}", before <= most,
            )
        )  # fmt: skip
    return rows


def behind(story: list[Event], job: str, stage: str) -> tuple[int, float]:
    """How many tasks of others a stage began between a job's being ready and started; the time."""
    others, ready = 0, None
    for event in story:
        fact = event.fact
        if isinstance(fact, StageReady) and (event.job, fact.stage) == (job, stage):
            ready, others = event.time, 0
        elif isinstance(fact, StageStarted) and fact.stage == stage and ready:
            if event.job == job:
                return others, (event.time - ready).total_seconds()
            others += 1
    raise AssertionError(f"{stage} of job {job} never began")
