"""A supervised child process: ready when it says so, restarted when it dies, gone when we go."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from infra.local.errors import ChildFailed
from infra.local.once import tied
from infra.local.steps import Report, State, Step, ignore

FIRST_DELAY_S, LAST_DELAY_S = 0.2, 10.0
STEADY_S = 30.0  # a child that lived this long starts its backoff afresh
LOG_BYTES = 16 << 20  # a log longer than this is put aside when its child starts
TAIL_LINES = 12


@dataclass(frozen=True, kw_only=True)
class Program:
    """What to run, and how to know that it is up.

    ready: asked again and again until it says True.
    death_signal: what it gets when this process dies; by default it dies at once.
    stop_signal: asks the program to end in good order; after `grace_s` it is killed.
    start_s: seconds that it may take to become ready.
    retry_s: seconds during which a start that fails is tried again before it counts.
    not_root: directories that a program needs which refuses to run as root; empty: anyone may.
    holds: file descriptors that it keeps open for its whole life, such as a lock's.
    """

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], Awaitable[bool]]
    env: Mapping[str, str] = field(
        default_factory=lambda: {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    )
    cwd: Path | None = None
    death_signal: signal.Signals = signal.SIGKILL
    stop_signal: signal.Signals = signal.SIGTERM
    start_s: float = 30.0
    retry_s: float = 0.0
    grace_s: float = 10.0
    not_root: Sequence[Path] = ()
    holds: Sequence[int] = ()


class Child:
    """One program, kept running from `start` to `stop`."""

    def __init__(self, program: Program, report: Report = ignore) -> None:
        self.program = program
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, or None between two lives."""
        alive = self._process and self._process.returncode is None
        return self._process.pid if self._process and alive else None

    async def start(self) -> None:
        """Return once the program is ready, and keep it so from then on.

        Raises:
            ChildFailed: it ended or was not ready in time; nothing is left running.
        """
        self._tell("starting")
        give_up = time.monotonic() + self.program.retry_s
        while True:
            try:
                await self._launch()
                break
            except ChildFailed:
                if time.monotonic() >= give_up:
                    raise
                await asyncio.sleep(FIRST_DELAY_S)
        self._tell("ready")
        self._keeper = asyncio.create_task(self._keep(), name=f"keep {self.program.name}")

    async def stop(self) -> None:
        """End the program in good order, by force after its grace; stopping twice is once."""
        if self._keeper:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        if self.pid is not None:
            self._tell("stopping")
            await self._end(self.program.grace_s)
            self._tell("stopped")

    async def _keep(self) -> None:
        """Restart the program whenever it ends, more patiently each time."""
        delay = FIRST_DELAY_S
        while True:
            born = time.monotonic()
            assert self._process
            code = await self._process.wait()
            self._kill_group()
            if time.monotonic() - born > STEADY_S:
                delay = FIRST_DELAY_S
            reason = f"it {died_of(code)}"
            while True:
                self._tell("died", f"{reason}; again in {delay:.1f} s")
                await asyncio.sleep(delay)
                delay = min(delay * 2, LAST_DELAY_S)
                try:
                    await self._launch()
                    break
                except (ChildFailed, OSError) as error:  # no process, no room for its log
                    reason = str(error).splitlines()[0]
            self._tell("ready", "restarted")

    async def _launch(self) -> None:
        """Start the process once and wait until it is ready; leave nothing running if not."""
        await self._spawn()
        try:
            async with asyncio.timeout(self.program.start_s):
                await self._until_ready()
        except TimeoutError:
            await self._end(0.5)
            raise self._failure(f"not ready within {self.program.start_s:g} s") from None
        except BaseException:  # cancelled, or failed: either way it must not stay behind
            await self._end(0.5)
            raise

    async def _spawn(self) -> None:
        program = self.program
        with open_log(program.log) as log:
            self._process = await asyncio.create_subprocess_exec(
                *tied(program.command, program.death_signal, program.not_root),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                env=dict(program.env),
                cwd=program.cwd,
                pass_fds=tuple(program.holds),
                start_new_session=True,  # Ctrl-C is for the supervisor, which stops us in order
            )

    async def _until_ready(self) -> None:
        assert self._process
        pause = 0.005
        while not await self.program.ready():
            if self._process.returncode is not None:
                raise self._failure(died_of(self._process.returncode))
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.1)

    async def _end(self, grace_s: float) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(self.program.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            self._kill_group()
            await process.wait()

    def _kill_group(self) -> None:
        """Kill the process and whatever it left behind in its session."""
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _failure(self, what: str) -> ChildFailed:
        return ChildFailed(
            f"{self.program.name}: {what}; {self.program.log} ends with:\n{tail(self.program.log)}"
        )

    def _tell(self, state: State, detail: str = "") -> None:
        self._report(Step(self.program.name, state, detail))


def died_of(code: int) -> str:
    """An exit status in words: "exited with status 1", "was killed by SIGKILL"."""
    if code >= 0:
        return f"exited with status {code}"
    return f"was killed by {signal.Signals(-code).name}"


def open_log(path: Path) -> IO[bytes]:
    """The log to append to; one that grew long is put aside as NAME.log.1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def tail(path: Path) -> str:
    """The last lines of a log."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join(lines[-TAIL_LINES:])
