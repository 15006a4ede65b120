"""Many files to many jobs to many transcripts: submit, follow, fetch; a failure hides no other."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from infra import sending
from infra.cli.display import Display, why
from infra.cli.sources import Source
from infra.cli.watch import Watch
from infra.client import Client, ClientError, Unreachable
from streams.events import JobRequest
from streams.ids import new_id
from web.views import JobView

UPLOADS = 4
"""So many files are sent at the same time."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file: its transcript, or why there is none."""

    source: Source
    job: JobView | None = None
    text: str = ""
    error: str = ""

    @property
    def told(self) -> bool:
        """Whether the display has said already how the job ended."""
        return self.job is not None and self.job.status != "succeeded"


@dataclass
class Batch:
    """What to make of which files. ``submitted`` holds the jobs as they come to be.

    form: the format of the transcripts: json, txt, srt or vtt. text: as "said", or "clean".
    """

    sources: list[Source]
    request: JobRequest
    form: str
    display: Display
    text: str = "said"
    submitted: dict[str, JobView] = field(default_factory=dict)

    async def submit(self, client: Client) -> AsyncGenerator[Outcome]:
        """Only submit; an Outcome for each file, in order, without a transcript."""
        gate = asyncio.Semaphore(UPLOADS)
        work = (self._one(client, s, gate) for s in self.sources)
        async with aclosing(in_order(work)) as outcomes:
            async for outcome in outcomes:
                yield outcome

    async def run(self, client: Client) -> AsyncGenerator[Outcome]:
        """Submit and wait; the Outcomes come in the order of the files."""
        gate = asyncio.Semaphore(UPLOADS)
        async with Watch(client, self._changed) as watch:
            work = (self._one(client, s, gate, watch) for s in self.sources)
            async with aclosing(in_order(work)) as outcomes:
                async for outcome in outcomes:
                    yield outcome

    async def _one(
        self, client: Client, source: Source, gate: asyncio.Semaphore, watch: Watch | None = None
    ) -> Outcome:
        try:
            async with gate:
                sending = self._send(client, source)
                view = await (watch.submit(sending) if watch else sending)
            if watch is None:
                return Outcome(source, view)
            view = await watch.until_ended(view)
            if view.status != "succeeded":
                return Outcome(source, view, error=f"{view.status}: {why(view)}")
            return Outcome(source, view, await client.transcript(view.id, self.form, self.text))
        except Unreachable:
            raise
        except (ClientError, OSError) as error:
            return Outcome(source, error=str(error))

    async def _send(self, client: Client, source: Source) -> JobView:
        size, done = source.path.stat().st_size, 0

        def sent(count: int) -> None:
            nonlocal done
            done += count
            self.display.sent(str(source.name), min(done, size), size)

        if size >= sending.LARGE:
            view = await sending.submit(client, source.path, self.request, sent=sent)
        else:
            view = await client.submit(source.path, self.request, key=new_id(), sent=sent)
        self.submitted[view.id] = view
        return view

    def _changed(self, view: JobView) -> None:
        self.submitted[view.id] = view
        self.display.show(view)


async def in_order(work: Iterable[Coroutine[Any, Any, Outcome]]) -> AsyncGenerator[Outcome]:
    """All of it at once, handed out in order; what is left when the reader goes is cancelled."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        for task in tasks:
            yield await task
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
