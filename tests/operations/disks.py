"""Small disks for parts of a home, in a mount namespace that goes with its last process."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.operations.place import Place

MOUNT = 'mount -t tmpfs -o size="$2" tmpfs "$1" && cp -a "$1.seed/." "$1/" && shift 2'
HOLD = f"set -e; while [ $# -gt 0 ]; do {MOUNT}; done; echo mounted; exec sleep infinity"


@asynccontextmanager
async def small(home: Path, sizes: Mapping[Path, str]) -> AsyncIterator[Place]:
    """The home with each of these folders on a disk of that size (as mount's), content kept."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("SKIPPED: a small disk is mounted by root, with unshare and nsenter")
    words = []
    for folder, size in sizes.items():
        folder.rename(folder.with_name(f"{folder.name}.seed"))
        folder.mkdir()
        words += [str(folder), size]
    holder = await asyncio.create_subprocess_exec(
        "unshare", "--mount", "--propagation", "private", "sh", "-c", HOLD, "hold", *words,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert holder.stdout
        assert holder.stderr
        if await holder.stdout.readline() != b"mounted\n":
            said = (await holder.stderr.read()).decode()
            pytest.skip(f"SKIPPED: no disk may be mounted here: {said}")
        within = ("nsenter", f"--mount=/proc/{holder.pid}/ns/mnt", "--")
        yield Place(home, within=within, root=Path(f"/proc/{holder.pid}/root"))
    finally:
        with suppress(ProcessLookupError):
            holder.kill()
        await holder.wait()


def fill(folder: Path) -> Path:
    """Take all that is left on a folder's disk, by one file."""
    filler = folder / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass
    return filler
