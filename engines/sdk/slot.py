"""The place of the child: it is there when it is needed, and gone when it idles or is too big."""

import asyncio
import logging
import time

from engines.sdk import metrics
from engines.sdk.child import place_of
from engines.sdk.contract import Engine
from engines.sdk.frames import Failed
from engines.sdk.process import Process

log = logging.getLogger("dalston.engine")

LOAD_S = 300.0
"""A model that is loaded ahead of any task gets this long."""


class Slot:
    """One child at a time, kept warm with its model between tasks."""

    def __init__(self, engine: Engine, *, idle_unload_s: float, memory_budget: int) -> None:
        self._engine = engine
        self._idle_unload_s = idle_unload_s
        self._memory_budget = memory_budget
        self._child: Process | None = None
        self._lock = asyncio.Lock()
        self._used_at = time.monotonic()

    async def child(self) -> Process:
        """The child, alive; a new one when there is none."""
        async with self._lock:
            if self._child is not None and not self._child.usable:
                await self._child.kill()
                self._child = None
            if self._child is None:
                self._child = await Process.spawn(place_of(type(self._engine)))
            self._used_at = time.monotonic()
            return self._child

    async def warm(self) -> None:
        """Load the default model before a task asks for it; a failure is only logged."""
        child = await self.child()
        report = await child.load(self._engine.default_model(), stall_s=LOAD_S)
        if isinstance(report, Failed):
            log.warning("not loaded ahead: %s: %s", report.kind, report.reason)
            await self.end()
        elif report.seconds >= 0.001:
            metrics.LOAD_SECONDS.labels(self._engine.name).observe(report.seconds)

    async def end(self) -> None:
        """End the child, if there is one: the true release of its memory."""
        async with self._lock:
            child, self._child = self._child, None
            if child is not None:
                await child.kill()

    async def rest(self, *, rewarm: bool) -> None:
        """Between tasks: end a child that idled long enough, replace one that has grown too big."""
        self._measure()
        idle = time.monotonic() - self._used_at
        if self._child is None:
            return
        if self._idle_unload_s and idle >= self._idle_unload_s:
            log.info("idle for %.0f s: the model is unloaded", idle)
            await self.end()
        elif self._memory_budget and self.memory() > self._memory_budget:
            log.warning(
                "the child holds %d bytes, over its budget of %d: replaced by a new one",
                self.memory(), self._memory_budget,
            )  # fmt: skip
            metrics.REPLACED.labels(self._engine.name, "budget").inc()
            await self.end()
            if rewarm:
                await self.warm()

    def used(self) -> None:
        """A task has just ended: idling counts from here."""
        self._used_at = time.monotonic()

    def memory(self) -> int:
        """Resident bytes of the child, 0 without one."""
        return self._child.rss() if self._child is not None else 0

    def loaded(self) -> tuple[str, ...]:
        """The model that the child holds now."""
        child = self._child
        return (child.model,) if child is not None and child.usable and child.model else ()

    def _measure(self) -> None:
        metrics.CHILD_MEMORY.labels(self._engine.name).set(self.memory())
