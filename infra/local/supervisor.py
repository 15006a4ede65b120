"""A stack until a signal ends it; ``python -m infra.local.supervisor`` is one in the background.

In the background it reads its options from standard input as JSON, and tells its steps on standard
output, a line each, until it is ready or has failed: then nobody listens any more.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import msgspec

from infra.local import control
from infra.local.assembly import Stack
from infra.local.errors import AlreadyRunning, LocalError
from infra.local.options import Options, decode
from infra.local.record import Running
from infra.local.steps import Report, Step

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
INTERRUPTED = 130


class Line(msgspec.Struct, frozen=True):
    """One line of a background supervisor: who it is, a step, or how its start ended."""

    pid: int = 0
    step: Step | None = None
    end: Literal["", "ready", "failed", "already running"] = ""
    message: str = ""


async def serve(
    options: Options, report: Report, ready: Callable[[Running], None] = lambda _: None
) -> None:
    """Keep a stack up until SIGINT, SIGTERM or SIGHUP, also one that comes while it starts.

    The first signal ends it in order. A second one ends this process at once, and with it, the
    hard way, its children.

    Raises:
        LocalError: it did not come up.
    """
    stack = Stack(options, report)
    with stop_event() as stop:
        stopping = asyncio.create_task(stop.wait())
        starting = asyncio.create_task(stack.start())
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if stopping.done():
            starting.cancel()
        try:
            await starting
        except asyncio.CancelledError:
            return
        finally:
            stopping.cancel()
        async with control.listening(stack.home.control, stack.obey):
            ready(stack.running)
            await stop.wait()
        await stack.stop()


@contextmanager
def stop_event() -> Iterator[asyncio.Event]:
    """An event that the first signal sets; the second one ends the process."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def heard() -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        stop.set()

    for number in SIGNALS:
        loop.add_signal_handler(number, heard)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)


class Mouth:
    """Where a background supervisor tells its steps: its parent while it starts, then its log."""

    def __init__(self) -> None:
        self._parent_listens = True

    def name(self) -> None:
        """Tell who speaks, before anything else."""
        self._say(Line(pid=os.getpid()))

    def step(self, step: Step) -> None:
        """Tell one step."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S")
        with suppress(OSError):  # a full disk is no reason to let a child be
            print(moment, step.name, step.state, step.detail, file=sys.stderr, flush=True)
        self._say(Line(step=step))

    def end(self, how: Literal["ready", "failed", "already running"], message: str = "") -> None:
        """Tell how the start ended; the last thing that the parent hears."""
        self._say(Line(end=how, message=message))
        self._parent_listens = False

    def _say(self, line: Line) -> None:
        if not self._parent_listens:
            return
        try:
            sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
            sys.stdout.flush()
        except BrokenPipeError:  # the parent was killed; the stack it wanted goes on
            self._parent_listens = False


def main() -> int:
    """Be the supervisor in the background."""
    options = decode(sys.stdin.buffer.read())
    if os.fork():  # whoever started us need not wait for our end: init will
        os._exit(0)
    mouth = Mouth()
    mouth.name()
    try:
        asyncio.run(serve(options, mouth.step, lambda _: mouth.end("ready")))
    except AlreadyRunning as error:
        mouth.end("already running", str(error))
        return 1
    except LocalError as error:
        mouth.end("failed", str(error))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
