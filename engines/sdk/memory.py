"""This process's memory: how much it is, its peak, giving back what is free, and running out."""

import ctypes
import gc
import os
import sys
from pathlib import Path
from typing import Any

from engines.sdk.contract import OutOfMemory

WORDS = (
    "out of memory",  # CUDA's, cuDNN's and CTranslate2's words hold it, too
    "bad_alloc",
    "cannot allocate memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cudaerrormemoryallocation",
    "cuda_error_out_of_memory",
)
"""How libraries that have no MemoryError say it, in lower case."""


def is_exhaustion(error: BaseException) -> bool:
    """Whether an error says that memory, the machine's or the card's, was too small."""
    if isinstance(error, MemoryError | OutOfMemory):
        return True
    return speaks_of_it(f"{type(error).__name__}: {error}")


def speaks_of_it(text: str) -> bool:
    """Whether a library's words say that memory was too small."""
    lower = text.lower()
    return any(word in lower for word in WORDS)


def release() -> None:
    """Give back to system and card what nothing refers to any more."""
    gc.collect()
    torch: Any = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if sys.platform == "linux" and os.confstr("CS_GNU_LIBC_VERSION"):
        ctypes.CDLL(None).malloc_trim(0)


def begin_peak() -> None:
    """Let the kernel measure this process's peak memory from now on."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # the peak of the whole life is the next best answer


def peak() -> int | None:
    """The highest resident memory of this process since `begin_peak`, in bytes."""
    return status_bytes("self", "VmHWM")


def resident() -> int:
    """The resident memory of this process now, in bytes."""
    return status_bytes("self", "VmRSS") or 0


def status_bytes(pid: int | str, field: str) -> int | None:
    """A memory field of /proc/PID/status in bytes; None when it cannot be read."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0]) * 1024
    return None
