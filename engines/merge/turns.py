"""The turns of a diarization, to be asked who speaks when. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from itertools import accumulate
from types import MappingProxyType

from engines.merge.pieces import meets
from streams.transcript import Turn

NEAR_S = 0.5
"""A word so near a turn is that speaker's, where nobody speaks: times are never exact."""
NOBODY: Mapping[str, float] = MappingProxyType({})


class Turns:
    """Turns in the order of their start, which may overlap; found in logarithmic time."""

    def __init__(self, turns: Iterable[Turn]) -> None:
        self._turns = sorted(turns, key=lambda turn: (turn.start, turn.end))
        self._starts = [turn.start for turn in self._turns]
        self._ends = list(accumulate((turn.end for turn in self._turns), max))

    def __bool__(self) -> bool:
        return bool(self._turns)

    def shares(self, start: float, end: float, channel: int | None) -> Mapping[str, float]:
        """Speaker → seconds of this time in which they speak, on the channel."""
        found: dict[str, float] = {}
        for turn in self._between(start, end, channel):
            overlap = min(end, turn.end) - max(start, turn.start)
            if overlap > 0 or start == end:  # a word without length lies in a turn or not
                found[turn.speaker] = found.get(turn.speaker, 0.0) + overlap
        return found

    def nearest(
        self, start: float, end: float, channel: int | None, within: float = NEAR_S
    ) -> str | None:
        """Who speaks nearest to this time, not more than ``within`` seconds away; or None."""
        near = self._between(start - within, end + within, channel)
        far = [(max(turn.start - end, start - turn.end, 0.0), turn.speaker) for turn in near]
        return min(far)[1] if far else None

    def reaches(
        self, speaker: str, start: float, end: float, channel: int | None, within: float
    ) -> bool:
        """Whether this speaker talks at that time or not more than ``within`` seconds away."""
        near = self._between(start - within, end + within, channel)
        return any(turn.speaker == speaker for turn in near)

    def _between(self, start: float, end: float, channel: int | None) -> list[Turn]:
        first = bisect_left(self._ends, start)
        last = bisect_right(self._starts, end)
        return [
            turn
            for turn in self._turns[first:last]
            if turn.end >= start and meets(turn.channel, channel)
        ]
