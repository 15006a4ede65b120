"""The supervisor's handle on its child: spawn it, give it an order, kill it, say why it died."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from engines.sdk.frames import (
    LENGTH,
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
    decode_report,
    frame,
)
from engines.sdk.holdings import Held, Size
from engines.sdk.memory import speaks_of_it, status_bytes
from streams.events import FailureKind, Heard

log = logging.getLogger("dalston.child")

TAIL = 20
"""Lines of the child's output that are kept, to tell why it died."""


class Process:
    """One child. Its orders are given one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.pid = process.pid
        self.held: tuple[Held, ...] = ()
        self.peak = 0
        self._process = process
        self._tail: deque[str] = deque(maxlen=TAIL)
        self._oom = oom_kills()
        self._killed = False
        self._spoilt = False
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter
        self._output = asyncio.create_task(self._log_output())

    @classmethod
    async def spawn(cls, place: str, sizes: Mapping[str, Size]) -> "Process":
        """Start a child for the engine at ``module:Class``; it inherits the environment.

        It is told how large models were in an earlier child.

        It leads a process group, so that Ctrl-C is not for it and its own children die with it.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "engines.sdk.child", place, str(theirs.fileno()),
                msgspec.json.encode(sizes),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT, pass_fds=(theirs.fileno(),), process_group=0,
            )  # fmt: skip
        child = cls(process)
        child._reader, child._writer = await asyncio.open_connection(sock=ours)
        return child

    @property
    def usable(self) -> bool:
        """Whether it lives and waits for an order; one whose order was abandoned is not."""
        return self._process.returncode is None and not self._killed and not self._spoilt

    async def load(self, model: str | None, *, stall_s: float) -> Loaded | Failed:
        """Have it load a model; Failed also when it dies or takes too long over it."""
        report = await self._order(Load(model), stall_s=stall_s)
        assert not isinstance(report, Done)
        return report

    async def run(
        self,
        order: Run,
        *,
        stall_s: float,
        progressed: Callable[[float], None],
        loaded: Callable[[float], None],
        heard: Callable[[int, tuple[Heard, ...]], None] = lambda _first, _told: None,
    ) -> Done | Failed:
        """Have it do a task.

        Args:
            stall_s: silence for so long, also while loading, is a hang: it is killed.
            progressed: called with each fraction that it reports.
            loaded: called with the seconds when it loaded a model for this task.
            heard: called with segments as they are heard, and the number of the first.
        """
        report = await self._order(
            order, stall_s=stall_s, progressed=progressed, loaded=loaded, heard=heard
        )
        assert not isinstance(report, Loaded)
        return report

    def rss(self) -> int:
        """Its resident memory now, in bytes; 0 when it is gone. Keeps the peak, too."""
        self.peak = max(self.peak, status_bytes(self.pid, "VmHWM") or 0)
        return status_bytes(self.pid, "VmRSS") or 0

    async def kill(self) -> None:
        """End it and all that it started, now; returns when it is gone."""
        if self._killed:
            return
        self._killed = True
        if self._process.returncode is None:
            self.rss()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        self._writer.close()
        await self._output

    async def _order(
        self,
        order: Order,
        *,
        stall_s: float,
        progressed: Callable[[float], None] = lambda _: None,
        loaded: Callable[[float], None] = lambda _: None,
        heard: Callable[[int, tuple[Heard, ...]], None] = lambda _first, _told: None,
    ) -> Done | Loaded | Failed:
        try:
            self._writer.write(frame(order))
            while True:
                async with asyncio.timeout(stall_s):
                    report = await self._next()
                match report:
                    case Progressed(fraction=fraction):
                        progressed(fraction)
                    case Told(first=first, segments=segments):
                        heard(first, segments)
                    case Holds(models=models):
                        self.held = models
                    case Loaded(seconds=seconds):
                        if isinstance(order, Load):
                            return report
                        loaded(seconds)
                    case Done() | Failed():
                        return report
                    case Ready():
                        pass
        except TimeoutError:
            await self.kill()
            reason = f"no progress for {stall_s:g} s: the engine process hung and was killed"
            return Failed(kind="timeout", reason=reason, peak_rss=self.peak or None)
        except asyncio.CancelledError:
            self._spoilt = True
            raise
        except (EOFError, ConnectionError):
            return await self._post_mortem()

    async def _next(self) -> Report:
        head = await self._reader.readexactly(LENGTH.size)
        return decode_report(await self._reader.readexactly(LENGTH.unpack(head)[0]))

    async def _post_mortem(self) -> Failed:
        """Why it died by itself; what remains of its group is killed."""
        code = await self._process.wait()
        await self.kill()
        killed_for_memory = code == -signal.SIGKILL and oom_kills() > self._oom
        kind, reason = cause_of_death(code, list(self._tail), killed_for_memory)
        return Failed(
            kind=kind, reason=reason, trace="\n".join(self._tail), peak_rss=self.peak or None
        )

    async def _log_output(self) -> None:
        """Its standard output and error, line by line, into our log."""
        assert self._process.stdout is not None
        rest = ""
        while chunk := await self._process.stdout.read(8192):
            *lines, rest = (rest + chunk.decode(errors="replace")).replace("\r", "\n").split("\n")
            for line in (*lines, *(rest[:4000],)) if len(rest) > 4000 else lines:
                self._note(line)
            rest = "" if len(rest) > 4000 else rest
        self._note(rest)

    def _note(self, line: str) -> None:
        if line.strip():
            self._tail.append(line.rstrip())
            log.info("%d: %s", self.pid, line.rstrip())


def cause_of_death(code: int, tail: list[str], killed_for_memory: bool) -> tuple[FailureKind, str]:
    """Kind and words for an exit status (negative: a signal) and the last lines before it."""
    last = next((line for line in reversed(tail) if not line.startswith(" ")), "")
    spoke = any(map(speaks_of_it, tail))
    memory = killed_for_memory or spoke or last.startswith("MemoryError")
    said = f": {last[:300]}" if last and code > 0 else ""
    how = f"exit status {code}{said}" if code >= 0 else signal.Signals(-code).name
    if memory:
        return "memory", f"the engine process ran out of memory ({how})"
    return "crash", f"the engine process died of {how}"


def oom_kills() -> int:
    """How many processes the kernel has killed for memory on this machine so far."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
