"""Write the history of a release: ``python -m tests.history.make v0.2.0``.

A few jobs, each with another end, through the real decisions on the twin in memory, so that every
type of fact is told. Run it once, when a release is made; its two files are then kept as they are,
for ever: VERSION.jsonl, the log, and VERSION.states, a digest after each event.
"""

import asyncio
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from streams import decide
from streams.erasure import blank
from streams.events import (
    FACTS,
    Artifact,
    EngineDrained,
    EngineExpired,
    EngineRegistered,
    Event,
    Heard,
    JobRequest,
    LogRecovered,
    PlannedStage,
    Usage,
    encode_fact,
    encode_meta,
    format_time,
)
from streams.job import Job, evolve, floor_of
from streams.offers import Offer
from streams.pipeline import plan
from streams.testing import MemoryLedger

HERE = Path(__file__).parent
OFFERS = [
    Offer(engine="audio_prepare", stage="prepare"),
    Offer(engine="faster_whisper", stage="transcribe", models=("base",), default_model="base"),
    Offer(engine="pyannote", stage="diarize", models=("3.0",), default_model="3.0"),
    Offer(engine="llm_cleanup", stage="cleanup", models=("small",), default_model="small"),
    Offer(engine="merge", stage="merge"),
]
USED = Usage(engine_version="0.1.0", model="base", wall_s=2.0, audio_s=10.0)
OPTIONAL = PlannedStage(name="emotion", engine="emotion", needs=("prepare",), required=False)

TIMELESS = {
    decide.start, decide.progress, decide.hear, decide.rename, decide.edit, decide.erase,
}  # fmt: skip
"""Commands that come out the same at any time."""


class Scribe:
    """Jobs with readable ids on a ledger in memory, whose events are the history."""

    def __init__(self) -> None:
        self._count = 0
        self.ledger = MemoryLedger(ids=self._next)

    def _next(self) -> str:
        self._count += 1
        return f"e{self._count:04}"

    async def do(self, job: str, command: Callable[..., decide.Facts], **arguments: Any) -> Job:
        """One command, one second after the last."""
        self.ledger.clock.wait(1)

        def decided(state: Job | None, now: Any) -> decide.Facts:
            timed = {} if command in TIMELESS else {"now": now}
            return command(state, **arguments, **timed)

        done = await self.ledger.transition(job, decided, tenant="acme", meta={"by": "history"})
        assert done.job is not None
        return done.job

    async def submit(
        self, job: str, *, more: tuple[PlannedStage, ...] = (), **request: Any
    ) -> None:
        """Accept a job, with stages beside the usual ones."""
        wanted = JobRequest(**request)
        stages = plan(wanted, OFFERS)
        await self.do(
            job, decide.submit, job_id=job, tenant="acme", request=wanted,
            source=self.artifact(job, "source"), filename=f"{job}.wav",
            plan=(*stages[:-1], *more, stages[-1]),
        )  # fmt: skip

    def artifact(self, job: str, name: str) -> Artifact:
        """An object that is named after its job."""
        digest = hashlib.sha256(f"{job}/{name}".encode()).hexdigest()
        return Artifact(f"s3://dalston/jobs/{job}/{name}", digest, 320_000, "application/json")

    async def start(self, job: str, stage: str) -> int:
        """The current attempt begins; its token."""
        state = await self.ledger.load(job)
        assert state is not None
        token = state.stages[stage].token
        engine = state.planned(stage).engine
        await self.do(
            job, decide.start, stage=stage, token=token, owner=f"{engine}@host-0",
            engine_version="0.1.0",
        )  # fmt: skip
        return token

    async def run(self, job: str, *stages: str, usage: Usage = USED) -> None:
        """Each stage starts, gets half way and finishes."""
        for stage in stages:
            token = await self.start(job, stage)
            if stage == "transcribe":
                heard = (Heard(0.0, 4.5, "It was a dark"), Heard(4.5, 10.0, "and stormy night."))
                await self.do(job, decide.hear, stage=stage, token=token, first=0, segments=heard)
            await self.do(job, decide.progress, stage=stage, token=token, fraction=0.5)
            await self.do(
                job, decide.finish, stage=stage, token=token, usage=usage,
                output=self.artifact(job, f"{stage}/{token}/output.json"), warnings=("quiet",),
            )  # fmt: skip

    async def fail(self, job: str, stage: str, kind: str = "crash") -> None:
        """Start the current attempt, and let it end badly."""
        token = await self.start(job, stage)
        await self.do(
            job, decide.fail, stage=stage, token=token, kind=kind, reason=f"a {kind}", chance=0.5
        )

    async def recover(self, *names: str) -> None:
        """Redis was lost and is rebuilt: a new epoch, in which these jobs go on."""
        last = self.ledger.log[-1]
        self.ledger.epoch += 1
        fact = LogRecovered(at_seq=last.seq, at_id=last.id, reason="Redis holds no log")
        await self.ledger.append("log", fact)
        for name in names:
            floor = floor_of(self.ledger.epoch)
            await self.do(name, decide.recover, floor=floor, plan=())

    async def again(self, job: str, stage: str) -> None:
        """Wait for the next attempt."""
        self.ledger.clock.wait(200)
        await self.do(job, decide.retry_due, stage=stage)


async def tell() -> list[Event]:
    """The whole history."""
    it = Scribe()
    replica = "faster_whisper@host-0"
    await it.ledger.append(
        replica,
        EngineRegistered(
            engine="faster_whisper", stage="transcribe", engine_version="0.1.0", replica=replica,
            models=("base",),
        ),
    )  # fmt: skip
    await it.submit("success", language="en", labels={"team": "a"}, priority=1, deadline_s=3600.0)
    await it.run("success", "prepare", "transcribe", "merge")
    await it.do("success", decide.rename, speaker="S1", name="Marianne")
    await it.do("success", decide.rename, speaker="S2", name="nobody")
    await it.do("success", decide.rename, speaker="S2", name="")
    await it.do("success", decide.edit, segment=1, text="and a stormy night.")
    await it.do("success", decide.edit, segment=0, text="It was dark")
    await it.do("success", decide.edit, segment=0, text=None)
    await it.submit("retry", more=(OPTIONAL,))
    await it.fail("retry", "prepare")
    await it.again("retry", "prepare")
    await it.run("retry", "prepare")
    await it.start("retry", "transcribe")
    await it.do("retry", decide.lose, stage="transcribe", token=1)
    await it.start("retry", "transcribe")
    await it.do("retry", decide.lose, stage="transcribe", token=2, preempted=True)
    await it.run("retry", "transcribe")
    await it.fail("retry", "emotion", "unavailable")
    await it.run("retry", "merge")
    await it.submit("parked")
    for _ in range(2):
        await it.fail("parked", "prepare", "memory")
        await it.again("parked", "prepare")
    await it.fail("parked", "prepare", "memory")
    await it.do("parked", decide.unpark)
    for _ in range(2):
        await it.fail("parked", "prepare", "timeout")
        await it.again("parked", "prepare")
    await it.fail("parked", "prepare", "timeout")
    await it.submit("cancelled")
    token = await it.start("cancelled", "prepare")
    await it.do("cancelled", decide.cancel, reason="a mistake")
    await it.do("cancelled", decide.stop, stage="prepare", token=token)
    await it.submit("failed")
    await it.fail("failed", "prepare", "input")
    await it.submit("late", deadline_s=60.0)
    it.ledger.clock.wait(60)
    await it.do("late", decide.expire)
    await it.submit("erased", hotwords="secret", initial_prompt="secret")
    await it.run("erased", "prepare", "transcribe", "merge")
    await it.do("erased", decide.rename, speaker="S1", name="secret")
    await it.do("erased", decide.edit, segment=0, text="secret")
    await it.do("erased", decide.erase)
    await it.submit(
        "wishes", diarize=True, min_speakers=2, emotion=True, summary=True, required=("diarize",)
    )  # emotion is left out, for nobody does it
    await it.run("wishes", "prepare", "transcribe", "diarize")
    spent = Usage(tokens_in=300, tokens_out=40, cost_usd=0.001, peak_gpu=1 << 30, wall_s=1.0)
    await it.run("wishes", "cleanup", usage=spent)
    await it.run("wishes", "merge")
    await it.submit("recovered", more=(OPTIONAL,))
    await it.run("recovered", "prepare")
    await it.start("recovered", "transcribe")
    await it.recover("recovered", "parked")
    await it.run("recovered", "emotion", "transcribe", "merge")
    await it.ledger.append(replica, EngineExpired(engine="faster_whisper", replica=replica))
    await it.ledger.append(replica, EngineDrained(engine="faster_whisper", replica=replica))
    return [blank(event) if event.job == "erased" else event for event in it.ledger.log]


def line(event: Event) -> bytes:
    """An event as the log holds it: its fields, with meta and data as they are written."""
    plain = {
        "seq": event.seq, "id": event.id, "type": event.type, "time": format_time(event.time),
        "job": event.job, "rev": event.rev, "tenant": event.tenant, "prev": event.prev,
        "epoch": event.epoch, "meta": encode_meta(event.meta).decode(),
        "data": encode_fact(event.fact).decode(),
    }  # fmt: skip
    return msgspec.json.encode(plain)


def states(events: Iterable[Event]) -> Iterator[tuple[str, str]]:
    """After each event: whose it is, and the sha256 of its job's state, keys sorted, or "-"."""
    jobs: dict[str, Job | None] = {}
    for event in events:
        job = jobs[event.job] = evolve(jobs.get(event.job), event)
        data = msgspec.json.encode(job, order="sorted")
        yield event.job, hashlib.sha256(data).hexdigest() if job else "-"


def digests(events: Iterable[Event]) -> dict[str, str]:
    """Job → the digest of the state that its events fold to."""
    last = {job: digest for job, digest in states(events) if digest != "-"}
    return dict(sorted(last.items()))


def main(version: str, folder: Path = HERE) -> None:
    """Write both files, the log's last line the digests of its end; refuse to write over any."""
    events = asyncio.run(tell())
    if untold := set(FACTS) - {event.type for event in events}:
        raise SystemExit(f"the history does not tell {', '.join(sorted(untold))}: see tell()")
    text = b"\n".join([*map(line, events), msgspec.json.encode({"digests": digests(events)}), b""])
    with (folder / f"{version}.jsonl").open("xb") as file:
        file.write(text)
    with (folder / f"{version}.states").open("x") as file:
        file.writelines(f"{digest}\n" for _, digest in states(events))


if __name__ == "__main__":
    main(sys.argv[1])
