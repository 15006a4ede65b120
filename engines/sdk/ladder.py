"""When memory is short: a smaller batch, then a smaller compute type, then OutOfMemory.

    self._rungs = rungs(16, ("float16", "int8_float16"))            # in load(), or once
    found, self._rungs = descend(lambda rung: self._hear(clips, rung), self._rungs)

`attempt` gets a Rung(batch, compute_type) and either returns or raises whatever its library raises
when memory is short: `memory.is_exhaustion` knows the words. It loads the model anew when the
compute type is not the one that it has. The rungs that come back begin with the one that fitted:
kept for the next call, nothing is tried twice that did not fit.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from engines.sdk import memory
from engines.sdk.contract import OutOfMemory

T = TypeVar("T")


class Rung(NamedTuple):
    """How much is done at once, and in which numbers; None: the library's own choice."""

    batch: int
    compute_type: str | None = None

    def __str__(self) -> str:
        return f"batch {self.batch}" + (f", {self.compute_type}" if self.compute_type else "")


def rungs(batch: int, compute_types: Sequence[str | None] = (None,)) -> tuple[Rung, ...]:
    """From the whole batch down to one by one, first in the first type, then in the next."""
    sizes = [batch]
    while sizes[-1] > 1:
        sizes.append(sizes[-1] // 2)
    return tuple(Rung(size, kind) for kind in compute_types for size in sizes)


def descend(
    attempt: Callable[[Rung], T],
    steps: Sequence[Rung],
    *,
    release: Callable[[], None] = memory.release,
) -> tuple[T, tuple[Rung, ...]]:
    """The result of the first rung that fits into memory, and the rungs from that one on.

    Args:
        release: called between two tries, so that what the failed one held is free.

    Raises:
        OutOfMemory: none fits; it names the last rung and the library's words.
    """
    reason = ""
    for number, rung in enumerate(steps):
        try:
            return attempt(rung), tuple(steps[number:])
        except Exception as error:
            if not memory.is_exhaustion(error):
                raise
            reason = f"{type(error).__name__}: {error}"
        release()  # after the handler: the error's traceback holds what the failed try held
    raise OutOfMemory(f"it does not fit into memory, even with {steps[-1]} ({reason[:300]})")
