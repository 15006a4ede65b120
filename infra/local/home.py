"""The directory that holds all state of a stack, and the one lock that says it is in use."""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from infra.local.errors import AlreadyRunning

SOCKET_DIRECTORY_BYTES = 60  # a socket's path may have 107, and its name takes some
PATIENCE_S = 30.0


class Home:
    """Paths below DALSTON_HOME, and its lock while this process holds it."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.lock = self.path / "lock"
        self.record = self.path / "stack.json"
        self.secrets = self.path / "secrets.json"
        self.environments = self.path / "envs"
        self.work = self.path / "work"
        self._note = self.path / "run"
        self._descriptor: int | None = None

    def log(self, name: str) -> Path:
        """Where a child writes what it has to say."""
        return self.path / "logs" / f"{name}.log"

    @property
    def descriptor(self) -> int:
        """The open lock, for the children to hold too: it is free when the last one is gone."""
        assert self._descriptor is not None
        return self._descriptor

    async def acquire(self) -> None:
        """Take the lock, waiting for the children of a killed stack to end.

        Raises:
            AlreadyRunning: another process supervises a stack on this home.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.lock, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            await self._wait_for(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._descriptor = descriptor

    async def _wait_for(self, descriptor: int) -> None:
        give_up = time.monotonic() + PATIENCE_S
        while not lock(descriptor):
            pid = self.supervisor()
            if (pid and is_alive(pid)) or time.monotonic() > give_up:
                raise AlreadyRunning(
                    f"a stack on {self.path} is already running, pid {pid}: use it, change it "
                    "with `dalston scale`, stop it with `dalston down`, or set DALSTON_HOME to "
                    "another directory"
                )
            await asyncio.sleep(0.05)

    def release(self) -> None:
        """Give the lock back; its file stays, for others may be waiting on it."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)
        self._descriptor = None

    def supervisor(self) -> int | None:
        """The process that holds the lock or held it last; None when none does."""
        with suppress(FileNotFoundError, ValueError):
            return int(self.lock.read_text())
        return None

    def is_locked(self) -> bool:
        """Whether somebody holds the lock just now."""
        try:
            descriptor = os.open(self.lock, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            return not lock(descriptor)
        finally:
            os.close(descriptor)

    def clear(self) -> None:
        """Remove what a stack has only while it runs; for whoever knows that none does."""
        shutil.rmtree(self.work, ignore_errors=True)
        self.record.unlink(missing_ok=True)
        self.remove_socket_directory()

    def make_socket_directory(self) -> Path:
        """A short private directory for sockets; the one of a killed stack goes away."""
        self.remove_socket_directory()
        directory = socket_directory()
        self._note.write_text(str(directory))
        return directory

    @property
    def control(self) -> Path:
        """The socket of the supervisor that runs; of none when no stack does."""
        directory = Path(self._note.read_text()) if self._note.exists() else self.path
        return directory / "supervisor.sock"

    def remove_socket_directory(self) -> None:
        """Remove the directory that was made for this home, if any."""
        if self._note.exists():
            discard(Path(self._note.read_text()))
            self._note.unlink()


def socket_directory() -> Path:
    """A new directory with a short path that only we can enter."""
    directory = Path(tempfile.mkdtemp(prefix="dalston-"))
    if len(bytes(directory)) > SOCKET_DIRECTORY_BYTES:
        directory.rmdir()
        directory = Path(tempfile.mkdtemp(prefix="dalston-", dir="/tmp"))
    return directory


def discard(directory: Path) -> None:
    """Remove a directory of `socket_directory`; anything else stays."""
    if directory.name.startswith("dalston-"):
        shutil.rmtree(directory, ignore_errors=True)


def lock(descriptor: int) -> bool:
    """Try to lock an open file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_alive(pid: int) -> bool:
    """Whether a process is there, and not just waiting to be reaped."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's process, or a system without /proc
        return True
    return state != "Z"
