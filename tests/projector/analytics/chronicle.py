"""Histories at random, by the real decisions: attempts of every kind, at odd times, of two tenants.

And their way into a database, as the projector would bring them there.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

from projector import store
from projector.fold import fold
from projector.rows import Row
from streams import decide
from streams.erasure import blank
from streams.errors import Refused
from streams.events import (
    Artifact,
    Event,
    JobErased,
    JobRequest,
    Unknown,
    Usage,
    encode_fact,
    encode_meta,
)
from streams.job import Job, floor_of
from streams.pipeline import plan
from streams.testing import MemoryLedger
from tests.history.make import OFFERS

TENANTS = ("acme", "rival")
MODELS = ("base", "o'small\\", None)
KINDS = ("error", "timeout", "crash", "memory", "unavailable", "input")


class Chronicle:
    """Jobs that something happens to, until nobody asks for more."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        ids = iter(f"e{n:06}" for n in range(1_000_000))
        self.ledger = MemoryLedger(ids=lambda: next(ids))
        self.jobs: list[str] = []

    async def write(self, steps: int) -> list[Event]:
        """So many things that happen, and what the log holds of them."""
        for _ in range(steps):
            self.ledger.clock.wait(round(self.chance.choice((0, 0.25, 7, 900, 9000)), 3))
            if not self.jobs or self.chance.random() < 0.15:
                await self._submit()
            else:
                await self._go_on(self.chance.choice(self.jobs))
        gone = {event.job for event in self.ledger.log if isinstance(event.fact, JobErased)}
        return [blank(event) if event.job in gone else event for event in self.ledger.log]

    async def _submit(self) -> None:
        job, tenant = f"{len(self.jobs):026}", self.chance.choice(TENANTS)
        self.jobs.append(job)
        request = JobRequest(
            diarize=self.chance.random() < 0.4,
            cleanup=self.chance.random() < 0.4,
            labels={"desk": "a"},
            deadline_s=self.chance.choice((None, 3600.0)),
        )
        source = self._artifact(job, "source")
        await self._do(
            job, partial(decide.submit, tenant=tenant), of=tenant, job_id=job, request=request,
            source=source, filename=f"{job}.wav", plan=plan(request, OFFERS),
        )  # fmt: skip

    async def _go_on(self, name: str) -> None:
        job = await self.ledger.load(name)
        assert job is not None
        if job.terminal:
            if self.chance.random() < 0.1:
                await self._do(name, decide.erase)
            return
        rare = self.chance.random()
        if rare < 0.03:
            await self._do(name, decide.cancel, reason="enough")
        elif rare < 0.05:
            self.ledger.epoch += 1
            await self._do(name, decide.recover, floor=floor_of(self.ledger.epoch), plan=())
        elif rare < 0.07:
            await self._do(name, decide.expire)
        else:
            stages = list(job.stages)
            self.chance.shuffle(stages)
            for stage in stages:
                if await self._stage(job, stage):
                    return

    async def _stage(self, job: Job, stage: str) -> bool:
        state = job.stages[stage]
        which: dict[str, Any] = {"stage": stage, "token": state.token}
        match state.status:
            case "ready":
                if self.chance.random() < 0.1:
                    await self._do(job.id, decide.lose, **which)
                else:
                    owner = f"{stage}@{self.chance.randrange(3)}"
                    await self._do(job.id, decide.start, **which, owner=owner, engine_version="2")
            case "running" if job.status == "cancelling":
                await self._do(job.id, decide.stop, **which)
            case "running":
                await self._end(job, which)
            case "retrying":
                self.ledger.clock.wait(400)
                await self._do(job.id, decide.retry_due, stage=stage)
            case "parked":
                await self._do(job.id, decide.unpark)
            case _:
                return False
        return True

    async def _end(self, job: Job, which: dict[str, Any]) -> None:
        chance = self.chance.random()
        if chance < 0.6:
            output = self._artifact(job.id, f"{which['stage']}/{which['token']}")
            await self._do(job.id, decide.finish, **which, output=output, usage=self._usage())
        elif chance < 0.8:
            kind, used = self.chance.choice(KINDS), self.chance.choice((Usage(), self._usage()))
            await self._do(
                job.id, decide.fail, **which, kind=kind, reason="no\x00 luck", usage=used,
                chance=0.5,
            )  # fmt: skip
        else:
            await self._do(job.id, decide.lose, **which, preempted=chance < 0.9)

    def _usage(self) -> Usage:
        choice = self.chance.choice
        return Usage(
            engine_version=choice(("", "2.1")),
            model=choice(MODELS),
            wall_s=choice((0.0, 0.5, 12.25)),
            load_s=choice((0.0, 3.5)),
            audio_s=choice((None, 0.0, 30.0, 61.5)),
            peak_rss=choice((None, 1 << 33)),
            device=choice(("cpu", "cuda")),
            tokens_in=choice((None, 120)),
            tokens_out=choice((None, 7)),
            cost_usd=choice((None, 0.0025)),
        )

    async def _do(
        self, job: str, command: Callable[..., decide.Facts], *, of: str = "", **given: Any
    ) -> None:
        timeless = {decide.start, decide.erase, decide.progress}

        def decided(state: Job | None, now: Any) -> decide.Facts:
            timed = {} if command in timeless else {"now": now}
            try:
                return command(state, **given, **timed)
            except Refused:
                return ()

        await self.ledger.transition(job, decided, tenant=of, meta={"by": "somebody"})

    @staticmethod
    def _artifact(job: str, name: str) -> Artifact:
        return Artifact(f"s3://dalston/jobs/{job}/{name}", "9f" * 32, 10)


def row(event: Event) -> Row:
    """An event as the archive holds it."""
    data = event.fact.data if isinstance(event.fact, Unknown) else encode_fact(event.fact)
    return Row(
        event.seq, event.id, event.epoch, event.type, event.time, event.job, event.rev,
        event.tenant, event.prev, encode_meta(event.meta).decode(), data.decode(),
    )  # fmt: skip


async def bring(driver: store.Connection, events: list[Event]) -> None:
    """Empty the database, and archive and fold these."""
    await driver.execute("TRUNCATE events, jobs, stages, segments, unknown_events, checkpoints")
    rows = [row(event) for event in events]
    await store.archive(driver, rows)
    await store.save(driver, fold(rows, {}))
    last = events[-1]
    await driver.execute(
        "INSERT INTO checkpoints (name, seq, id, epoch) VALUES ('fold', $1, $2, $3)",
        last.seq, last.id, last.epoch,
    )  # fmt: skip
