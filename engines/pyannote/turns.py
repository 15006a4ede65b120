"""Turns of windows and channels → one Diarization's: speakers named, cuts mended. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from streams.transcript import Speaker, Turn

TOUCHING_S = 0.02
"""A frame of the segmentation: turns that a window's end cut apart are no farther from another."""

Who: TypeAlias = tuple[int | None, int]


class Said(NamedTuple):
    """A turn of a person of a channel; the person is a number within that channel."""

    start: float
    end: float
    person: int
    channel: int | None = None

    @property
    def who(self) -> Who:
        """A person across channels: the same number on another one is somebody else."""
        return self.channel, self.person


def mended(said: Iterable[Said], duration: float) -> list[Said]:
    """In order, within the audio; turns of one person that touch or overlap are one."""
    whole: list[Said] = []
    last: dict[Who, int] = {}
    for turn in sorted(said, key=_order):
        start, end = round(max(0.0, turn.start), 3), round(min(turn.end, duration), 3)
        if end <= start:
            continue
        at = last.get(turn.who)
        if at is not None and start - whole[at].end <= TOUCHING_S:
            whole[at] = whole[at]._replace(end=max(whole[at].end, end))
        else:
            last[turn.who] = len(whole)
            whole.append(turn._replace(start=start, end=end))
    return whole


def names(said: Iterable[Said]) -> dict[Who, str]:
    """ "S1", "S2", … in the order in which they first talk."""
    people = dict.fromkeys(turn.who for turn in sorted(said, key=_order))
    return {who: f"S{number}" for number, who in enumerate(people, 1)}


def turns(said: Iterable[Said], called: Mapping[Who, str]) -> tuple[Turn, ...]:
    """As the transcript has them."""
    return tuple(
        Turn(turn.start, turn.end, called[turn.who], turn.channel)
        for turn in said
        if turn.who in called
    )


def speakers(called: Mapping[Who, str]) -> tuple[Speaker, ...]:
    """Everybody who has a turn, in the order in which they first talk."""
    return tuple(Speaker(name) for name in called.values())


def doubts(
    found: int, fewest: int | None, most: int | None, nearest: Sequence[float], alike: float
) -> list[str]:
    """What to say of the number of speakers, where it is not what was asked for or not believed.

    Args:
        nearest: for each track the cosine distance of its two most alike speakers.
        alike: the distance up to which two voices are commonly one person's.
    """
    if not found:
        return ["no speech was found"]
    if fewest is not None and found < fewest:
        return [f"{_count(found)} found, though min_speakers is {fewest}"]
    if most is not None and found > most:
        return [f"{_count(found)} found, one a track, though max_speakers is {most}"]
    if fewest is not None and min(nearest, default=1.0) < alike:
        alike_two = f"two of the {found} speakers sound alike and may be one person"
        return [f"{alike_two}: they were told apart because min_speakers is {fewest}"]
    return []


def _count(found: int) -> str:
    return "1 speaker was" if found == 1 else f"{found} speakers were"


def _order(turn: Said) -> tuple[float, float, int]:
    return turn.start, turn.end, -1 if turn.channel is None else turn.channel
