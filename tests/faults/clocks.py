"""Clocks that a test moves: a small C library, preloaded, adds to what a process is told.

It is compiled where a C compiler is at hand, else with Debian's tcc, which is fetched but never
installed. Where neither can be had the tests that need it are skipped, and say so.
"""

import functools
import os
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from infra.local.child import Child

SOURCE = Path(__file__).with_name("clock.c")
TOOLS = Path(__file__).parents[2] / ".dalston" / "test-tools"
COMPILERS = ("cc", "gcc", "clang", "tcc")


class Clock:
    """How far ahead (behind, if negative) of this machine the processes are that were given it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.write_bytes(bytes(8))

    def jump(self, seconds: float) -> None:
        """Be so many seconds ahead, from this moment on."""
        with self.file.open("r+b") as file:
            file.write(struct.pack("<q", int(seconds * 1e9)))

    @property
    def environ(self) -> Mapping[str, str]:
        """What a process must find in its environment to go by this clock."""
        return {"LD_PRELOAD": str(library()), "FAKE_CLOCK": str(self.file)}

    def give(self, child: Child) -> None:
        """Let a child go by this clock from its next start on."""
        program = child.program
        child.program = replace(program, env={**program.env, **self.environ})


@functools.cache
def library() -> Path:
    """The compiled library; skips the test where there is no way to compile it."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None) or _fetched()
    if compiler is None:
        pytest.skip("no C compiler, and no way to fetch one: clocks cannot be moved")
    made = Path(tempfile.mkdtemp(prefix="dalston-clock-")) / "clock.so"
    plain = ["-nostdlib"] if Path(compiler).name == "tcc" else []
    command = [compiler, "-shared", "-fPIC", *plain, "-o", str(made), str(SOURCE)]
    subprocess.run(command, check=True, capture_output=True)
    return made


def _fetched() -> str | None:
    """Debian's tcc, unpacked beside the developer's stack."""
    binary = TOOLS / "usr" / "bin" / "tcc"
    if not binary.exists() and shutil.which("apt-get"):
        TOOLS.mkdir(parents=True, exist_ok=True)
        script = "apt-get download tcc && dpkg -x tcc_*.deb ."
        subprocess.run(["sh", "-c", script], cwd=TOOLS, check=False, capture_output=True)
    return str(binary) if os.access(binary, os.X_OK) else None
