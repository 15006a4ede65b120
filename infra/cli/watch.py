"""Jobs kept current by one event stream: no polling, no event missed between submit and follow."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from types import TracebackType
from typing import Any, Self

from infra.cli.advance import advance
from infra.client import Client
from infra.facts import ended
from web.messages import EventMessage, Message, Snapshot
from web.views import CloudEvent, JobView


class Watch:
    """Follows the jobs that it was told of. Enter it before you submit them.

    show: called with a job's view whenever it changes.
    """

    def __init__(self, client: Client, show: Callable[[JobView], None]) -> None:
        self._client = client
        self._show = show
        self._views: dict[str, JobView] = {}
        self._ended: dict[str, asyncio.Future[JobView]] = {}
        self._early: dict[str, list[CloudEvent]] = {}
        self._submitting = 0
        self._live = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._follow(), name="watch")
        live = asyncio.create_task(self._live.wait())
        await asyncio.wait({live, self._task}, return_when=asyncio.FIRST_COMPLETED)
        live.cancel()
        if self._task.done():
            self._task.result()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    @property
    def running(self) -> list[JobView]:
        """The jobs that have not ended."""
        return [view for view in self._views.values() if not ended(view)]

    async def submit(self, answer: Awaitable[JobView]) -> JobView:
        """Wait for the answer to a submission and follow its job from its first event on."""
        self._submitting += 1
        try:
            view = await answer
        finally:
            self._submitting -= 1
        self._ended[view.id] = asyncio.get_running_loop().create_future()
        self._change(view)
        for event in self._early.pop(view.id, []):
            await self._apply(event)
        if not self._submitting:
            self._early.clear()
        return view

    async def until_ended(self, view: JobView) -> JobView:
        """Wait for a job of `submit`.

        Raises:
            Unreachable: the stack stopped answering.
        """
        future = self._ended[view.id]
        waiting: set[asyncio.Future[Any]] = {future, self._task}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            self._task.result()
        return await future

    async def _follow(self) -> None:
        async with aclosing(self._client.follow()) as messages:
            async for message in messages:
                await self._hear(message)
                self._live.set()

    async def _hear(self, message: Message) -> None:
        match message:
            case EventMessage(event=event) if event.subject in self._views:
                await self._apply(event)
            case EventMessage(event=event) if self._submitting:
                # Whose it is we learn when the answer is here, which may be later than its events.
                self._early.setdefault(event.subject, []).append(event)
            case Snapshot(jobs=jobs):
                there = {view.id: view for view in jobs}
                for view in self.running:
                    self._change(there.get(view.id) or await self._client.job(view.id))
            case _:
                pass

    async def _apply(self, event: CloudEvent) -> None:
        view = self._views[event.subject]
        while event.rev > view.rev + 1:  # events passed us by: ask, until the answer is as new
            view = await self._client.job(view.id)
            if view.rev < event.rev - 1:
                await asyncio.sleep(0.1)
        self._change(advance(view, event))

    def _change(self, view: JobView) -> None:
        known = self._views.get(view.id)
        if known and known.rev > view.rev:
            return
        self._views[view.id] = view
        self._show(view)
        future = self._ended.get(view.id)
        if ended(view) and future and not future.done():
            future.set_result(view)
