"""What a process holds on NVIDIA's cards, in bytes, as torch or the driver says; None: nobody does.

The driver is asked through its own library, NVML, which is there wherever a card works.
"""

import ctypes
import functools
import os
import sys
from typing import Any

NOT_SAID = 2**64 - 1
"""NVML's word where the driver does not tell a process's memory."""
MANY = 256
"""Processes on one card that are looked at."""


class _Process(ctypes.Structure):
    """nvmlProcessInfo_t of the functions that end in _v2 and _v3."""

    _fields_ = (
        ("pid", ctypes.c_uint),
        ("used", ctypes.c_ulonglong),
        ("gpu_instance", ctypes.c_uint),
        ("compute_instance", ctypes.c_uint),
    )


def used(pid: int) -> int | None:
    """What a process holds now on all cards together."""
    nvml = _nvml()
    if nvml is None:
        return None
    count = ctypes.c_uint()
    if nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return None
    found = [size for card in range(count.value) for size in _on_card(nvml, card, pid)]
    return sum(found) if found else None


def held() -> int | None:
    """What this process holds now: by the driver, else what torch has reserved."""
    said, torch = used(os.getpid()), _torch()
    if said is None and torch is not None:
        return int(sum(map(torch.cuda.memory_reserved, range(torch.cuda.device_count()))))
    return said


def begin_peak() -> None:
    """Let torch measure its peak from now on."""
    torch = _torch()
    if torch is not None:
        for card in range(torch.cuda.device_count()):
            torch.cuda.reset_peak_memory_stats(card)


def peak() -> int | None:
    """The most that torch's tensors took since `begin_peak`; without torch what is held now.

    Other libraries keep what they once took, so that is their peak, too.
    """
    torch = _torch()
    if torch is not None:
        cards = range(torch.cuda.device_count())
        if most := sum(map(torch.cuda.max_memory_allocated, cards)):
            return int(most)
    return used(os.getpid())


def _torch() -> Any:
    """The library, where this process has loaded it and uses a card by it."""
    torch: Any = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None


@functools.cache
def _nvml() -> Any:
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    return None if library.nvmlInit_v2() else library


def _on_card(nvml: Any, card: int, pid: int) -> list[int]:
    handle, count = ctypes.c_void_p(), ctypes.c_uint(MANY)
    if nvml.nvmlDeviceGetHandleByIndex_v2(card, ctypes.byref(handle)):
        return []
    ask = getattr(nvml, "nvmlDeviceGetComputeRunningProcesses_v3", None)
    table = (_Process * MANY)()
    if ask is None or ask(handle, ctypes.byref(count), table):
        return []
    return [one.used for one in table[: count.value] if one.pid == pid and one.used != NOT_SAID]
