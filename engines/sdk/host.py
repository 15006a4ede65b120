"""An engine with its model loaded: runs one task after another, loading what each one needs."""

import time
import traceback
from collections.abc import Callable
from typing import cast

import msgspec

from engines.sdk import gpu, memory
from engines.sdk.contract import Engine, EngineFailure, InvalidInput, Task
from engines.sdk.holdings import Holdings
from streams.events import FailureKind, Options
from streams.transcript import Spent


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one task gave and used: times in seconds, memory in bytes."""

    output: bytes
    files: tuple[tuple[str, str], ...] = ()
    warnings: tuple[str, ...] = ()
    model: str | None = None
    device: str = "cpu"
    spent: Spent | None = None
    run_s: float = 0.0
    load_s: float = 0.0
    audio_s: float | None = None
    peak_rss: int | None = None
    peak_gpu: int | None = None


class Host:
    """An engine at work: its models, as many as the budget lets it hold."""

    def __init__(self, engine: Engine, holdings: Holdings | None = None) -> None:
        self.engine = engine
        self.holdings = holdings or Holdings(engine)

    def run(
        self,
        task: Task,
        *,
        loaded: Callable[[str | None, float], None] = lambda _model, _seconds: None,
        returned: Callable[[msgspec.Struct], None] = lambda _: None,
    ) -> Result:
        """Load what the task asks for and do it.

        Args:
            loaded: called with the model and the seconds of loading, when there was any, before
                the work begins.
            returned: called with the value that `run` gave, before it is encoded.
        """
        memory.begin_peak()
        gpu.begin_peak()
        model = wanted(self.engine, task.options)
        engine, load_s = self.holdings.get(model)
        if load_s:
            loaded(model, load_s)
        began = time.monotonic()
        output = self._do(engine, model, task)
        run_s = time.monotonic() - began
        if not isinstance(output, msgspec.Struct):
            raise TypeError(f"run() of {task.engine} gave {type(output).__name__}, not a Struct")
        returned(output)
        return Result(
            output=msgspec.json.encode(output),
            files=tuple(task.files),
            warnings=tuple(getattr(output, "warnings", ())),
            model=model,
            device=engine.device,
            spent=getattr(output, "spent", None),
            run_s=run_s,
            load_s=load_s,
            audio_s=_audio_s(task, output),
            peak_rss=memory.peak(),
            peak_gpu=gpu.peak(),
        )

    def _do(self, engine: Engine, model: str | None, task: Task) -> object:
        """Run; once more, when memory was short and other models can make room."""
        try:
            return engine.run(task)
        except Exception as error:
            if not memory.is_exhaustion(error) or len(self.holdings.all()) < 2:
                raise
        self.holdings.shed(model)
        task.files.clear()
        task.told = 0
        return engine.run(task)


def wanted(engine: Engine, options: Options) -> str | None:
    """The model that a task's options ask for, or the engine's default.

    Raises:
        InvalidInput: the engine has no such model and takes none but its own.
    """
    named = options.get("model")
    if named is None:
        return engine.default_model()
    known = engine.models()
    if engine.any_model or named in known:
        return str(named)
    has = f"it has: {', '.join(known)}" if known else "it has none to choose from"
    raise InvalidInput(f"{engine.name} has no model {named!r}; {has}")


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
