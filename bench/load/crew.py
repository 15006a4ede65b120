"""Processes that help to load a stack: each is a module that takes an order and tells lines."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
LINE = 64 << 20
"""Bytes of the longest line: a helper may tell all that it measured at once."""
GRACE_S = 30.0


class Helper:
    """One of them: JSON lines go in and come out; SIGTERM when it is to go."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def tell(self, value: object) -> None:
        """One line to it."""
        assert self.process.stdin
        self.process.stdin.write(msgspec.json.encode(value) + b"\n")
        await self.process.stdin.drain()

    async def hear(self, kind: type[T]) -> T:
        """The next line of it.

        Raises:
            RuntimeError: it ended instead.
        """
        assert self.process.stdout
        if not (line := await self.process.stdout.readline()):
            raise RuntimeError(f"a helper ended with {await self.process.wait()}: see above")
        return msgspec.json.decode(line, type=kind)

    async def leave(self) -> None:
        """End it in order, by force after its grace."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            await asyncio.wait_for(self.process.wait(), GRACE_S)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


@contextlib.asynccontextmanager
async def crew(module: str, orders: Sequence[object]) -> AsyncIterator[list[Helper]]:
    """``python -m module`` once for each order, which is the first line that it gets."""
    helpers: list[Helper] = []
    try:
        for order in orders:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", module, cwd=ROOT, limit=LINE, start_new_session=True,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            helpers.append(Helper(process))
            await helpers[-1].tell(order)
        yield helpers
    finally:
        await asyncio.gather(*(helper.leave() for helper in helpers))


def order(kind: type[T]) -> T:
    """In a helper: the order, blocking until it is there."""
    return msgspec.json.decode(sys.stdin.buffer.readline(), type=kind)


def say(value: object) -> None:
    """In a helper: one line to whoever started it."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()
