"""The place of the child: it is there when it is needed, and gone when it idles or is too big."""

import asyncio
import logging
import time

from engines.sdk import gpu, metrics
from engines.sdk.child import place_of
from engines.sdk.contract import Engine
from engines.sdk.frames import Failed
from engines.sdk.holdings import Held
from engines.sdk.process import Process
from engines.sdk.settings import EngineSettings

log = logging.getLogger("dalston.engine")

LOAD_S = 300.0
"""A model that is loaded ahead of any task gets this long."""


class Slot:
    """One child at a time, kept warm with its model between tasks."""

    def __init__(self, engine: Engine, own: EngineSettings) -> None:
        self._engine = engine
        self._own = own
        self._child: Process | None = None
        self._lock = asyncio.Lock()
        self._used_at = time.monotonic()
        self._cold = own.prewarm
        self._known: dict[str, Held] = {}
        self._latest: tuple[Held, ...] = ()
        self._before: frozenset[str] = frozenset()

    async def child(self) -> Process:
        """The child, alive; a new one when there is none."""
        async with self._lock:
            if self._child is not None and not self._child.usable:
                await self._child.kill()
                self._child = None
            if self._child is None:
                sizes = {model: one.size for model, one in self._known.items()}
                self._child = await Process.spawn(place_of(type(self._engine)), sizes)
                self._before = frozenset()
            return self._child

    async def end(self) -> None:
        """End the child, if there is one: the true release of its memory."""
        async with self._lock:
            child, self._child = self._child, None
            if child is not None:
                await child.kill()

    async def replace(self, why: str) -> None:
        """End the child; the next `rest` starts another ahead of the next task."""
        metrics.REPLACED.labels(self._engine.name, why).inc()
        await self.end()
        self._cold = self._own.prewarm

    async def rest(self) -> None:
        """Between tasks: load ahead, end a child that idled long enough, replace one too big."""
        if self._child is not None and not self._child.usable:
            log.warning("the child died while it had nothing to do")
            await self.replace("died")
        self._look()
        if excess := self._excess():
            log.warning("the child holds %s: it is replaced", excess)
            await self.replace("budget")
        if self._cold:
            await self._warm()
        elif self._child is not None and self._idle():
            log.info("idle for %g s: the model is unloaded", self._own.idle_unload_s)
            await self.end()

    def used(self) -> None:
        """A task has just ended: idling counts from here."""
        self._used_at = time.monotonic()
        self._cold = self._cold and self._child is None

    def memory(self) -> int:
        """Resident bytes of the child, 0 without one."""
        return self._child.rss() if self._child is not None else 0

    def gpu_memory(self) -> int:
        """Bytes of the card that the child holds, 0 where it uses none or the driver is silent."""
        if self._child is None or self.device == "cpu":
            return 0
        return gpu.used(self._child.pid) or sum(one.size.gpu for one in self._held())

    def loaded(self) -> tuple[str, ...]:
        """The models that the child holds now, the most recently used first."""
        return tuple(one.model for one in self._held() if one.model is not None)

    def loads(self) -> dict[str, float]:
        """How long each model took to load when it last did, in seconds."""
        self._learn()
        return {model: one.load_s for model, one in self._known.items()}

    @property
    def device(self) -> str:
        """Where the model runs, or ran, that was used last."""
        latest = self._held() or self._latest
        return latest[0].device if latest else self._engine.device

    @property
    def compute_type(self) -> str | None:
        """In which numbers it does."""
        latest = self._held() or self._latest
        return latest[0].compute_type if latest else self._engine.compute_type

    def _held(self) -> tuple[Held, ...]:
        return self._child.held if self._child is not None and self._child.usable else ()

    def _learn(self) -> None:
        self._latest = self._held()[:1] or self._latest
        self._known.update((one.model, one) for one in self._held() if one.model is not None)

    def _look(self) -> None:
        """Keep what this child learnt for the next one, and tell it as metrics."""
        self._learn()
        name, now = self._engine.name, frozenset(self.loaded())
        metrics.CHILD_MEMORY.labels(name).set(self.memory())
        metrics.CHILD_GPU.labels(name).set(self.gpu_memory())
        metrics.MODELS_LOADED.labels(name).set(len(now))
        metrics.UNLOADED.labels(name).inc(len(self._before - now))
        self._before = now

    def _excess(self) -> str:
        """What the child holds too much of; empty: nothing."""
        memory, card = self.memory(), self.gpu_memory()
        if 0 < self._own.memory_budget < memory:
            return f"{memory} bytes, over DALSTON_MEMORY_BUDGET"
        if 0 < self._own.gpu_budget < card:
            return f"{card} bytes of the card, over DALSTON_GPU_BUDGET"
        return ""

    async def _warm(self) -> None:
        """Load the default model, once: a failure is logged, and the next task tries again."""
        self._cold = False
        child = await self.child()
        report = await child.load(self._engine.default_model(), stall_s=LOAD_S)
        if isinstance(report, Failed):
            log.warning("not loaded ahead: %s: %s", report.kind, report.reason)
            await self.end()
        elif report.seconds >= 0.001:
            metrics.LOAD_SECONDS.labels(self._engine.name).observe(report.seconds)
        self._used_at = time.monotonic()

    def _idle(self) -> bool:
        limit = self._own.idle_unload_s
        return bool(limit) and time.monotonic() - self._used_at >= limit
