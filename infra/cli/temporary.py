"""A stack for as long as one command: in a thread of ours, so that it cannot outlive us."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

import msgspec

from infra.cli import parts
from infra.cli.shell import Shell
from infra.local import stack
from infra.local.errors import NotRunning
from infra.local.steps import Report


@contextmanager
def unless_running(shell: Shell, more: Mapping[str, int]) -> Iterator[str]:
    """The address of the stack that runs, or of one that runs until the block ends.

    ``more`` are the engines that this one has besides those of every stack.
    """
    try:
        address = shell.address()
    except NotRunning:
        shell.say(f"no stack runs on {shell.home}: starting one for this command")
        options = shell.options()
        options = msgspec.structs.replace(options, engines={**options.engines, **more})
        with running(shell, options) as started:
            yield started.web.url
    else:
        yield address


@contextmanager
def running(shell: Shell, options: stack.Options) -> Iterator[stack.Running]:
    """A stack of ours, shown while it comes up and stopped at the end.

    Its children are told by the system when we die, however that happens.

    Raises:
        LocalError: it did not come up.
    """
    told = parts.on(shell.err)
    ours = stack.Stack(options, _quiet_stop(told))
    with _thread() as loop:
        with told:
            _do(loop, ours.start())
        try:
            yield ours.running
        finally:
            _do(loop, ours.stop())


def _quiet_stop(report: Report) -> Report:
    """All steps but those of the end, which nobody asked about."""

    def told(step: stack.Step) -> None:
        if step.state not in {"stopping", "stopped"}:
            report(step)

    return told


@contextmanager
def _thread() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stack", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def _do(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]) -> None:
    """Do it over there and wait; Ctrl-C cancels it and waits for what it tidies up."""
    ours: list[asyncio.Task[None]] = []

    async def hold() -> None:
        ours.append(asyncio.ensure_future(work))
        await ours[0]

    future = asyncio.run_coroutine_threadsafe(hold(), loop)
    try:
        future.result()
    except KeyboardInterrupt:
        loop.call_soon_threadsafe(lambda: ours and ours[0].cancel())
        with suppress(CancelledError, asyncio.CancelledError):
            future.result()
        raise
