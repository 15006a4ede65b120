"""One attempt at one stage: inputs, the child's work under a lease, output, and its event."""

import asyncio
import contextlib
import logging
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict

from botocore.exceptions import ClientError

from engines.sdk import metrics, workspace
from engines.sdk.frames import Done, Failed, Run
from engines.sdk.host import Result
from engines.sdk.patience import LOG_AWAY, STORE_AWAY, passing, until_written
from engines.sdk.replica import Replica
from engines.sdk.telling import Telling
from streams import decide, tasks
from streams.commit import Committed, Decide, Ticket
from streams.errors import ArtifactCorrupt, ArtifactMissing, Refused, SchemaTooNew
from streams.events import AnyFact, Heard, Usage
from streams.job import Job

log = logging.getLogger("dalston.engine")

PROGRESS_S = 1.0
PROGRESS_STEP = 0.05
"""`stage.progressed` is told at most so often, and for so much at least."""
REASON_LIMIT = 2000
WARNINGS, WARNING_LIMIT = 16, 200
"""Characters of a reason, number and characters of warnings: an event has a size limit."""
RENEWALS = 4
"""Renewals of a lease in its lifetime: three may be missed."""


class _Which(TypedDict):
    stage: str
    token: int


class Attempt:
    """Made of a ticket and the job as it was loaded for it; `live` is its whole life."""

    def __init__(self, replica: Replica, ticket: Ticket, job: Job) -> None:
        self.ticket = ticket
        self.fraction = 0.0
        self._replica = replica
        self._job = job
        self._writing = asyncio.Lock()
        self._nudged = asyncio.Event()
        self._began = time.monotonic()
        self._told_at = self._began
        self._told = 0.0
        self._progressing: asyncio.Task[None] | None = None
        self._telling = Telling(self._hear)
        self._load_s = 0.0

    def nudge(self) -> None:
        """Something happened to the job: look at the lease now."""
        self._nudged.set()

    async def live(self) -> str:
        """From the download to the event; the outcome, as the metric has it."""
        folder = self._replica.folder
        with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as workdir:
            fetching = asyncio.create_task(self._fetch(Path(workdir)))
            begun: list[asyncio.Task[Any]] = [fetching]
            try:
                if not await self._start():
                    return "fenced"
                work = asyncio.create_task(self._work(fetching))
                lease = asyncio.create_task(self._keep_lease())
                begun += [work, lease, asyncio.create_task(self._telling.keep_on())]
                await asyncio.wait({work, lease}, return_when=asyncio.FIRST_COMPLETED)
                if work.done():
                    return work.result()
                return await self._abandon(lease.result(), work)
            finally:
                await tasks.end(*begun, *([self._progressing] if self._progressing else []))

    async def lose(self) -> None:
        """Give the attempt back: this replica has to leave before it is done."""
        await self._commit_or_drop(
            lambda job, now: decide.lose(job, **self._which, preempted=True, now=now)
        )

    async def give_up(self, error: Exception) -> str:
        """The kit itself tripped: tell it as a failure, so that nothing hangs."""
        log.error("%s of job %s", self.ticket.stage, self.ticket.job, exc_info=error)
        await self._replica.slot.replace("error")
        return await self._fail(Failed(kind="error", reason=f"{type(error).__name__}: {error}"))

    @property
    def _which(self) -> "_Which":
        return _Which(stage=self.ticket.stage, token=self.ticket.token)

    async def _start(self) -> bool:
        engine = self._replica.engine
        started = await self._commit(
            lambda job, _: decide.start(
                job, **self._which, owner=self._replica.name, engine_version=engine.version
            )
        )
        if not started:
            await self._drop()
            return False
        stage = self._job.stages[self.ticket.stage]
        if stage.ready_at and stage.started_at:
            waited = (stage.started_at - stage.ready_at).total_seconds()
            metrics.QUEUE_SECONDS.labels(engine.name).observe(max(waited, 0.0))
        return True

    async def _fetch(self, workdir: Path) -> Run | Failed:
        try:
            order, _ = await asyncio.gather(
                workspace.fetch(
                    self._replica.artifacts, self._job, self.ticket,
                    hears=self._replica.engine.hears, workdir=workdir,
                ),
                self._replica.slot.child(),
            )  # fmt: skip
        except (ArtifactMissing, ArtifactCorrupt, *STORE_AWAY, ClientError) as error:
            return Failed(kind="error", reason=f"an input cannot be had: {error}")
        return order

    async def _work(self, fetching: "asyncio.Task[Run | Failed]") -> str:
        order = await fetching
        if isinstance(order, Failed):
            return await self._fail(order)
        child = await self._replica.slot.child()
        report = await child.run(
            order,
            stall_s=self._job.planned(self.ticket.stage).stall_s,
            progressed=self._progressed,
            loaded=self._loaded,
            heard=self._telling.add,
        )
        if isinstance(report, Failed):
            if report.kind not in decide.FINAL_KINDS:
                # Whatever went wrong may have left the library, or its device, in a bad way.
                await self._replica.slot.replace(report.kind)
            return await self._fail(report)
        return await self._finish(order, report)

    async def _finish(self, order: Run, done: Done) -> str:
        result = done.result
        try:
            output = await workspace.store(self._replica.artifacts, order, result)
        except (ArtifactCorrupt, *STORE_AWAY, ClientError) as error:
            return await self._fail(Failed(kind="error", reason=f"the output: {error}"))
        await self._telling.rest()
        usage = self._usage(result)
        found = "cold" if result.load_s else "warm"
        metrics.MODEL_USES.labels(self._replica.engine.name, found).inc()
        warnings = tuple(text[:WARNING_LIMIT] for text in result.warnings[:WARNINGS])

        def finish(job: Job | None, now: datetime) -> Sequence[AnyFact]:
            return decide.finish(
                job, **self._which, output=output, usage=usage, warnings=warnings, now=now
            )

        if not await self._commit_or_drop(finish):
            return "fenced"
        metrics.AUDIO_SECONDS.labels(self._replica.engine.name).inc(result.audio_s or 0.0)
        return "completed"

    async def _fail(self, failed: Failed) -> str:
        log.warning(
            "%s of job %s failed: %s: %s%s", self.ticket.stage, self.ticket.job, failed.kind,
            failed.reason, f"\n{failed.trace}" if failed.trace else "",
        )  # fmt: skip
        usage = Usage(
            engine_version=self._replica.engine.version,
            wall_s=self._wall_s(),
            load_s=round(self._load_s, 3),
            peak_rss=failed.peak_rss,
            peak_gpu=failed.peak_gpu,
        )
        reason, chance = failed.reason[:REASON_LIMIT], decide.jitter()

        def fail(job: Job | None, now: datetime) -> Sequence[AnyFact]:
            return decide.fail(
                job, **self._which, kind=failed.kind, reason=reason, usage=usage, now=now,
                chance=chance,
            )  # fmt: skip

        return failed.kind if await self._commit_or_drop(fail) else "fenced"

    async def _abandon(self, verdict: str, work: "asyncio.Task[str]") -> str:
        """The lease says stop: what the child does now is nobody's any more."""
        log.info("%s of job %s is %s", self.ticket.stage, self.ticket.job, verdict)
        await tasks.end(work)
        await self._replica.slot.replace(verdict)
        if verdict == "cancelled":
            await self._commit_or_drop(lambda job, now: decide.stop(job, **self._which, now=now))
        else:
            await self._drop()
        return verdict

    async def _keep_lease(self) -> str:
        """Renew until the answer is no longer ok: ``fenced`` or ``cancelled``."""
        every = self._replica.settings.lease_s / RENEWALS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._nudged.wait()
            self._nudged.clear()
            async with self._writing:
                try:
                    answer = await self._replica.queue.renew(self._replica.name, self.ticket)
                except LOG_AWAY as error:
                    if not passing(error):
                        raise
                    log.warning("the lease cannot be renewed now: %s", error)
                    continue
            if answer != "ok":
                return answer

    def _loaded(self, seconds: float) -> None:
        self._load_s = seconds
        metrics.LOAD_SECONDS.labels(self._replica.engine.name).observe(seconds)

    def _progressed(self, fraction: float) -> None:
        now = time.monotonic()
        self.fraction = fraction
        late = now - self._told_at >= PROGRESS_S and fraction - self._told >= PROGRESS_STEP
        if late and (self._progressing is None or self._progressing.done()):
            self._told_at, self._told = now, fraction
            self._progressing = asyncio.create_task(self._tell(fraction))

    async def _tell(self, fraction: float) -> None:
        await self._commit(lambda job, _: decide.progress(job, **self._which, fraction=fraction))

    async def _hear(self, first: int, segments: tuple[Heard, ...]) -> bool:
        return await self._commit(
            lambda job, _: decide.hear(job, **self._which, first=first, segments=segments)
        )

    async def _commit(self, decided: Decide, *, settle: Ticket | None = None) -> bool:
        """Write, waiting for a Redis that is away; False when the job has gone on without us."""
        try:
            committed = await until_written(lambda: self._write(decided, settle))
        except (Refused, SchemaTooNew) as refusal:
            log.info("%s of job %s: %s", self.ticket.stage, self.ticket.job, refusal)
            return False
        self._job = committed.job or self._job
        return True

    async def _write(self, decided: Decide, settle: Ticket | None) -> Committed:
        """One try. Between two the lease is renewed: a Redis that is full still does that."""
        async with self._writing:
            return await self._replica.ledger.transition(
                self.ticket.job, decided, known=self._job, settle=settle
            )

    async def _commit_or_drop(self, decided: Decide) -> bool:
        """The last word on the attempt, which settles it either way."""
        if await self._commit(decided, settle=self.ticket):
            return True
        await self._drop()
        return False

    async def _drop(self) -> None:
        await until_written(lambda: self._replica.ledger.settle(self.ticket))

    def _usage(self, result: Result) -> Usage:
        spent = result.spent
        return Usage(
            engine_version=self._replica.engine.version,
            model=result.model,
            wall_s=self._wall_s(),
            load_s=round(result.load_s, 3),
            audio_s=result.audio_s,
            peak_rss=result.peak_rss,
            peak_gpu=result.peak_gpu,
            device=result.device,
            tokens_in=spent.tokens_in if spent else None,
            tokens_out=spent.tokens_out if spent else None,
            cost_usd=spent.cost_usd if spent else None,
        )

    def _wall_s(self) -> float:
        return round(time.monotonic() - self._began, 3)
