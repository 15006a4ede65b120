"""The child process: holds the engine and its model, does one order after another.

Started by the supervisor as ``python -m engines.sdk.child MODULE:CLASS FD SIZES``, sizes of models
as an earlier child learnt them; it never touches Redis or S3, and dies with its supervisor.
"""

import ctypes
import gc
import importlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engines.sdk import gpu, memory
from engines.sdk import host as hosts
from engines.sdk.contract import Engine, EngineFailure, Task
from engines.sdk.frames import (
    Done,
    Failed,
    Holds,
    Load,
    Loaded,
    Order,
    Progressed,
    Ready,
    Report,
    Run,
    Told,
    frame,
    next_order,
)
from engines.sdk.holdings import Holdings, Size
from engines.sdk.host import Host
from engines.sdk.settings import EngineSettings
from streams.settings import read

PR_SET_PDEATHSIG = 1
REPORT_EVERY_S = 0.1
"""An engine may report progress as often as it likes; the wire carries this much of it."""


def main(place: str, fd: int, sizes: str = "{}") -> int:
    """Serve orders until the supervisor closes the wire."""
    _die_with_parent()
    engine_class = locate(place)
    wire = socket.socket(fileno=fd)
    own = read(EngineSettings, os.environ)
    known = msgspec.json.decode(sizes, type=dict[str, Size])
    engine = engine_class()
    host = Host(engine, Holdings(engine, own.budget, known))
    gc.collect()
    gc.freeze()
    say = _speaker(wire)
    say(Ready())
    while (order := next_order(wire)) is not None:
        report = _obey(host, order, say)
        say(Holds(host.holdings.all()))
        say(report)
    return 0


def place_of(engine_class: type[Engine]) -> str:
    """Where the child finds the class: ``module:Class``."""
    module = engine_class.__module__
    if module == "__main__":
        spec = sys.modules["__main__"].__spec__
        if spec is None:
            raise RuntimeError("start the engine with `python -m`, so that its child finds it")
        module = spec.name
    return f"{module}:{engine_class.__qualname__}"


def locate(place: str) -> type[Engine]:
    """The engine class at ``module:Class``."""
    module, _, name = place.partition(":")
    found: type[Engine] = getattr(importlib.import_module(module), name)
    return found


def _obey(host: Host, order: Order, say: Callable[[Report], None]) -> Report:
    try:
        if isinstance(order, Load):
            _, seconds = host.holdings.get(order.model)
            return Loaded(order.model, seconds)
        task = _task(host.engine, order, say)
        return Done(host.run(task, loaded=lambda model, seconds: _tell(host, model, seconds, say)))
    except Exception as error:  # noqa: BLE001 - whatever an engine raises is a stage.failed
        kind, reason = hosts.failure(error)
        trace = "" if isinstance(error, EngineFailure) else hosts.trace(error)
        return Failed(
            kind=kind, reason=reason, trace=trace, peak_rss=memory.peak(), peak_gpu=gpu.peak()
        )


def _tell(host: Host, model: str | None, seconds: float, say: Callable[[Report], None]) -> None:
    say(Holds(host.holdings.all()))
    say(Loaded(model, seconds))


def _task(engine: Engine, order: Run, say: Callable[[Report], None]) -> Task:
    task = Task(
        job=order.job,
        stage=order.stage,
        token=order.token,
        engine=engine.name,
        version=engine.version,
        workdir=Path(order.workdir),
        base_uri=order.base_uri,
        options=order.options,
        filename=order.filename,
        source=Path(order.source) if order.source else None,
        documents=order.documents,
        tracks=tuple(Path(path) for path in order.tracks),
        report=_throttled(say),
    )
    if order.aloud:
        task.tell = lambda first, segments: say(Told(first, segments))
    return task


def _throttled(say: Callable[[Report], None]) -> Callable[[float], None]:
    last = 0.0

    def report(fraction: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= REPORT_EVERY_S or fraction >= 1.0:
            last = now
            say(Progressed(float(min(max(fraction, 0.0), 1.0))))  # numpy's may come, too

    return report


def _speaker(wire: socket.socket) -> Callable[[Report], None]:
    def say(report: Report) -> None:
        wire.sendall(frame(report))

    return say


def _die_with_parent() -> None:
    """A supervisor that is killed takes its child along: no orphan holds a model."""
    parent = os.getppid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]))
