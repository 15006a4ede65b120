"""What a local stack tells about itself while it works: one small value, handed to a callback."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["starting", "ready", "died", "stopping", "stopped", "building", "built"]


@dataclass(frozen=True)
class Step:
    """Something happened to one part of the stack.

    name: the part, as in stack.json: "valkey", "web", "faster_whisper-2"; "environment:NAME" for
        an engine's virtual environment.
    detail: one line for people, empty when the state says all.
    fraction: how far it is, 0 to 1, where that is known.
    """

    name: str
    state: State
    detail: str = ""
    fraction: float | None = None


Report = Callable[[Step], None]


def ignore(_: Step) -> None:
    """The report of somebody who does not listen."""
