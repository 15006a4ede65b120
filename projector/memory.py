"""How this process keeps its memory: small at rest, and not looked through while it is busy."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager

SELDOM = 100_000
"""New objects between two collections. What the fold makes holds no cycles: to look for them among
tens of thousands of states is a sixth of its time."""


def settle() -> None:
    """What is there now stays; what importing and migrating took goes back to the system."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(SELDOM)
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


@contextmanager
def seldom_collected() -> Iterator[None]:
    """For the length of a block that makes many values and no cycles."""
    before = gc.get_threshold()
    gc.set_threshold(SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
