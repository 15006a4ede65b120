"""An engine with its model loaded: runs one task after another, loading what each one needs."""

import time
import traceback
from collections.abc import Callable
from typing import cast

import msgspec

from engines.sdk import memory
from engines.sdk.contract import Engine, EngineFailure, InvalidInput, Task
from streams.events import FailureKind
from streams.transcript import Spent


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one task gave and used: times in seconds, memory in bytes."""

    output: bytes
    files: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    model: str | None = None
    device: str = "cpu"
    compute_type: str | None = None
    spent: Spent | None = None
    run_s: float = 0.0
    load_s: float = 0.0
    audio_s: float | None = None
    peak_rss: int | None = None


class Host:
    """One engine instance and the model that it holds now."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.model: str | None = None
        self._ready = False

    def ensure(self, model: str | None) -> float:
        """Make that model the loaded one; the seconds it took, 0 when it was."""
        if self._ready and model == self.model:
            return 0.0
        began = time.monotonic()
        if self._ready:
            self._ready = False
            self.engine.unload()
        self.engine.load(model)
        self.model, self._ready = model, True
        return time.monotonic() - began

    def run(
        self,
        task: Task,
        *,
        loaded: Callable[[float], None] = lambda _: None,
        returned: Callable[[msgspec.Struct], None] = lambda _: None,
    ) -> Result:
        """Load what the task asks for and do it.

        Args:
            loaded: called with the seconds of loading, when there was any, before the work begins.
            returned: called with the value that `run` gave, before it is encoded.
        """
        memory.begin_peak()
        load_s = self.ensure(wanted(self.engine, task))
        if load_s:
            loaded(load_s)
        began = time.monotonic()
        output = self.engine.run(task)
        run_s = time.monotonic() - began
        if not isinstance(output, msgspec.Struct):
            raise TypeError(f"run() of {task.engine} gave {type(output).__name__}, not a Struct")
        returned(output)
        return Result(
            output=msgspec.json.encode(output),
            files=tuple(task.files),
            warnings=tuple(getattr(output, "warnings", ())),
            model=self.model,
            device=self.engine.device,
            compute_type=self.engine.compute_type,
            spent=getattr(output, "spent", None),
            run_s=run_s,
            load_s=load_s,
            audio_s=_audio_s(task, output),
            peak_rss=memory.peak(),
        )


def wanted(engine: Engine, task: Task) -> str | None:
    """The model that a task asks for, or the engine's default.

    Raises:
        InvalidInput: the engine has no such model and takes none but its own.
    """
    named = task.option("model")
    if named is None:
        return engine.default_model()
    known = engine.models()
    if engine.any_model or named in known:
        return str(named)
    has = f"it has: {', '.join(known)}" if known else "it has none to choose from"
    raise InvalidInput(f"{task.engine} has no model {named!r}; {has}")


def failure(error: BaseException) -> tuple[FailureKind, str]:
    """An exception of an engine as the kind and the words of a `stage.failed`."""
    if isinstance(error, EngineFailure):
        return cast("FailureKind", error.kind), str(error)
    text = f"{type(error).__name__}: {error}".removesuffix(": ")
    if memory.is_exhaustion(error):
        return "memory", f"out of memory ({text})"
    return "error", text


def trace(error: BaseException) -> str:
    """The end of a traceback, short enough for a log."""
    return "".join(traceback.format_exception(error)[-8:]).strip()


def _audio_s(task: Task, output: msgspec.Struct) -> float | None:
    duration = getattr(output, "duration", None)
    if isinstance(duration, int | float):
        return float(duration)
    return task.prepared.duration if "prepare" in task.documents else None
