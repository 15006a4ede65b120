"""A short private directory for sockets, whose paths may be 107 bytes long and no longer."""

import shutil
import tempfile
from pathlib import Path

LONGEST = 60  # leaves room for the names of sockets


def make() -> Path:
    """A new directory that only we can enter."""
    directory = Path(tempfile.mkdtemp(prefix="dalston-"))
    if len(bytes(directory)) > LONGEST and Path("/tmp").is_dir():  # noqa: S108 - mkdtemp is private
        directory.rmdir()
        directory = Path(tempfile.mkdtemp(prefix="dalston-", dir="/tmp"))
    return directory


def renew(home: Path) -> Path:
    """A new directory, written down in `home`; the one of a killed stack goes away."""
    note = home / "run"
    remove(home)
    directory = make()
    note.write_text(str(directory))
    return directory


def remove(home: Path) -> None:
    """Remove the directory that `home` knows of, if any."""
    note = home / "run"
    if note.exists():
        directory = Path(note.read_text())
        discard(directory)
        note.unlink()


def discard(directory: Path) -> None:
    """Remove a directory of `make`; anything else stays."""
    if directory.name.startswith("dalston-"):
        shutil.rmtree(directory, ignore_errors=True)
