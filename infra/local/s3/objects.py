"""An object is one file: its bytes, then what is known of them. So both appear in one instant."""

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import msgspec

from infra.local.s3.errors import S3Error

MAGIC = b"DALSTON1"
ENDING = 4 + len(MAGIC)  # the length of the footer, then the magic
COPY_BYTES = 1 << 20
SPARE_BYTES = 64 << 20  # left free on the disk for the servers beside us


class Facts(msgspec.Struct, frozen=True):
    """What is known of an object besides its bytes.

    etag: without its quotes. modified: seconds since 1970.
    headers: those that come back as they were given: content-type and its like, x-amz-meta-*.
    """

    etag: str
    modified: float
    headers: dict[str, str]


class Draft:
    """An object being written, seen by nobody until it is published. Not for the event loop."""

    def __init__(self, directory: Path) -> None:
        descriptor, path = tempfile.mkstemp(dir=directory)
        self._path = Path(path)
        self._file = os.fdopen(descriptor, "wb")
        self._md5 = hashlib.md5(usedforsecurity=False)

    def write(self, data: bytes) -> None:
        """Add bytes; all of them, or an OSError."""
        self._file.write(data)
        self._md5.update(data)

    def append(self, source: BinaryIO, size: int) -> None:
        """Add the next `size` bytes of a file; whoever publishes knows the etag."""
        left = size
        while left:
            data = source.read(min(COPY_BYTES, left))
            if not data:
                raise OSError(f"{source.name} ended {left} bytes early")
            self._file.write(data)
            left -= len(data)

    @property
    def md5(self) -> bytes:
        """The digest of what was written."""
        return self._md5.digest()

    def publish(
        self, path: Path, headers: dict[str, str], *, etag: str = "", only_new: bool = False
    ) -> Facts:
        """Make it the object at `path`, on disk before this returns.

        Raises:
            S3Error: PreconditionFailed, when `only_new` and there is one already.
        """
        facts = Facts(etag=etag or self.md5.hex(), modified=time.time(), headers=headers)
        footer = msgspec.json.encode(facts)
        self._file.write(footer + len(footer).to_bytes(4, "big") + MAGIC)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._place(path, only_new=only_new)
        return facts

    def _place(self, path: Path, *, only_new: bool) -> None:
        while True:
            make_directories(path.parent)
            try:
                # A link fails where a rename would overwrite: create-if-absent, whoever races.
                if only_new:
                    path.hardlink_to(self._path)
                    self._path.unlink()
                else:
                    self._path.replace(path)
                sync_directory(path.parent)
            except FileExistsError:
                raise S3Error("PreconditionFailed", "There is an object of this key.") from None
            except FileNotFoundError:
                if not self._path.exists():
                    raise
                continue  # a delete just removed the empty directory: make it again
            return

    def discard(self) -> None:
        """Forget it, if it was not published."""
        with suppress(OSError):  # a full disk takes what is still to be written no better now
            self._file.close()
        self._path.unlink(missing_ok=True)


def open_object(path: Path) -> tuple[BinaryIO, Facts, int]:
    """The file, at its first byte, its facts, and how many bytes are the object's.

    Raises:
        FileNotFoundError: there is none.
        OSError: the file was damaged from outside.
    """
    file = path.open("rb")
    try:
        facts, size = read_footer(file)
    except BaseException:
        file.close()
        raise
    return file, facts, size


def read_footer(file: BinaryIO) -> tuple[Facts, int]:
    """An object's facts and size; the file stands at its first byte afterwards."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    ending = os.pread(file.fileno(), ENDING, max(0, length - ENDING))
    if ending[4:] != MAGIC:
        raise OSError(f"{file.name} is no object of this store")
    size = length - ENDING - int.from_bytes(ending[:4], "big")
    footer = os.pread(file.fileno(), length - ENDING - size, size)
    return msgspec.json.decode(footer, type=Facts), size


def remove_object(path: Path, stop: Path) -> None:
    """Remove an object, and the directories that this leaves empty, below `stop`."""
    try:
        path.unlink()
    except (FileNotFoundError, NotADirectoryError):
        return
    sync_directory(path.parent)
    for parent in path.parents:
        if parent == stop:
            return
        with suppress(FileNotFoundError):
            try:
                parent.rmdir()
            except OSError:  # not empty: then neither are those above
                return


def make_directories(path: Path) -> None:
    """Make a directory and those above it, on disk before this returns."""
    if path.exists():
        return
    make_directories(path.parent)
    path.mkdir(exist_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Have a directory's entries on disk; one that is gone needs none."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_space(directory: Path, size: int) -> None:
    """Refuse what the disk cannot hold before a byte of it is read."""
    free = shutil.disk_usage(directory).free
    if size + SPARE_BYTES > free:
        raise S3Error(
            "InsufficientStorage", f"{size} bytes do not fit: {free} are free in {directory}."
        )
