"""The models that a child holds, each in an instance of its own, within a budget."""

import logging
import time
from collections.abc import Mapping

import msgspec

from engines.sdk import gpu, memory
from engines.sdk.contract import Engine

log = logging.getLogger("dalston.child")

NO_LIMIT = 1 << 30


class Size(msgspec.Struct, frozen=True):
    """What something takes, in bytes: of memory, and of the card."""

    memory: int = 0
    gpu: int = 0


class Budget(msgspec.Struct, frozen=True):
    """How many models a child may hold, and how large it may be (bytes; 0: any size)."""

    models: int = 1
    memory: int = 0
    gpu: int = 0


class Held(msgspec.Struct, frozen=True):
    """A model that is loaded: where, in which numbers, in how many seconds, and how large it is."""

    model: str | None
    device: str
    compute_type: str | None
    load_s: float
    size: Size


class Holdings:
    """The loaded models of one engine. The least recently used goes first when room is needed."""

    def __init__(
        self, engine: Engine, budget: Budget | None = None, sizes: Mapping[str, Size] | None = None
    ) -> None:
        self.sizes = dict(sizes or {})
        self._kind = type(engine)
        self._budget = budget or Budget()
        self._spare = [engine]
        self._engines: dict[str | None, Engine] = {}
        self._told: dict[str | None, Held] = {}

    def all(self) -> tuple[Held, ...]:
        """Those that are loaded, the most recently used first."""
        return tuple(self._told[model] for model in reversed(self._engines))

    def get(self, model: str | None) -> tuple[Engine, float]:
        """The instance that holds a model, and the seconds that loading took, 0 when it was there.

        What is in its way goes: by the budget, and when the machine or the card has no room for it.
        """
        if model in self._engines:
            self._engines[model] = self._engines.pop(model)
            return self._engines[model], 0.0
        memory.release()  # so that what is measured now is held, not just not given back
        self._make_room(self._expected(model), keep=0)
        engine = self._spare.pop() if self._spare else self._kind()
        began, before = time.monotonic(), _size_now()
        try:
            self._load(engine, model)
        except BaseException:
            self._spare.append(engine)
            raise
        seconds = time.monotonic() - began
        self._engines[model] = engine
        self._learn(model, engine, seconds, before)
        self._make_room(Size(), keep=1)  # in case it is larger than was thought
        return engine, seconds

    def shed(self, model: str | None) -> bool:
        """Let all go but one model; whether there were any."""
        others = [name for name in self._engines if name != model]
        for name in others:
            self._drop(name)
        return bool(others)

    def _load(self, engine: Engine, model: str | None) -> None:
        while True:
            try:
                return engine.load(model)
            except Exception as error:
                if not (self._engines and memory.is_exhaustion(error)):
                    raise
            self._drop(next(iter(self._engines)))

    def _make_room(self, need: Size, *, keep: int) -> None:
        """Drop models until the need fits, or ``keep`` are left."""
        while len(self._engines) > keep and self._is_over(need, len(self._engines) + 1 - keep):
            self._drop(next(iter(self._engines)))

    def _is_over(self, need: Size, count: int) -> bool:
        budget = self._budget
        if count > budget.models:
            return True
        now = _size_now() if budget.memory or budget.gpu else Size()
        too_big = bool(budget.memory) and now.memory + need.memory > budget.memory
        return too_big or (bool(budget.gpu) and now.gpu + need.gpu > budget.gpu)

    def _drop(self, model: str | None) -> None:
        engine = self._engines.pop(model)
        del self._told[model]
        engine.unload()
        self._spare.append(engine)
        memory.release()
        log.info("model %s is unloaded to make room", model)

    def _expected(self, model: str | None) -> Size:
        """How large it was before; one that is new may be as large as the largest."""
        known = [self.sizes[model]] if model in self.sizes else list(self.sizes.values())
        return Size(
            max((size.memory for size in known), default=0),
            max((size.gpu for size in known), default=0),
        )

    def _learn(self, model: str | None, engine: Engine, seconds: float, before: Size) -> None:
        now, known = _size_now(), self.sizes.get(model or "", Size())
        size = Size(
            max(known.memory, now.memory - before.memory), max(known.gpu, now.gpu - before.gpu)
        )
        if model is not None:
            self.sizes[model] = size
        self._told[model] = Held(model, engine.device, engine.compute_type, seconds, size)


def _size_now() -> Size:
    return Size(memory.resident(), gpu.held() or 0)
