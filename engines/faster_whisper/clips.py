"""Where speech is → clips that fit Whisper's window of 30 s. Pure; all in seconds."""

from collections.abc import Iterable
from typing import NamedTuple

MAX_CLIP_S = 29.0
MAX_PAUSE_S = 2.0


class Clip(NamedTuple):
    """A stretch of a window."""

    start: float
    end: float


def packed(
    speech: Iterable[Clip], longest: float = MAX_CLIP_S, pause: float = MAX_PAUSE_S
) -> list[Clip]:
    """Neighbours joined while they fit into one window.

    Joined, a model has context; but a long pause in a clip is where it begins to invent.
    """
    clips: list[Clip] = []
    for part in speech:
        last = clips[-1] if clips else None
        if last and part.end - last.start <= longest and part.start - last.end <= pause:
            clips[-1] = Clip(last.start, part.end)
        else:
            clips.append(part)
    return clips
