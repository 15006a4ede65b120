"""The most memory that processes held while something went on, by looking often."""

import asyncio
import contextlib
from collections.abc import Mapping

from bench import memory
from engines.sdk.memory import status_bytes

LOOK_S = 0.2


class Peaks:
    """Resident bytes by name, children apart as ``NAME, its model``; an async context manager.

    now: at the last look. most: at the highest.
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        self.now: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self._pids = pids
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Peaks":
        self._look()
        self._looking = asyncio.create_task(self._look_often())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._looking
        self._looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._looking

    async def _look_often(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            self._look()

    def _look(self) -> None:
        for name, pid in self._pids.items():
            first, *others = memory.family(pid)
            self._note(name, status_bytes(first, "VmRSS") or 0)
            if others:
                self._note(f"{name}, its child", sum(status_bytes(p, "VmRSS") or 0 for p in others))

    def _note(self, name: str, size: int) -> None:
        self.now[name] = size
        self.most[name] = max(size, self.most.get(name, 0))
