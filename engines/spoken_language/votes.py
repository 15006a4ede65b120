"""Where to listen, and what the votes of several stretches come to. Pure."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

LIKELIEST = 10
UNSURE = 0.5
CERTAIN = 0.8


class Vote(NamedTuple):
    """What the model thinks of one stretch: its speech in seconds, and each language's chance."""

    seconds: float
    scores: Mapping[str, float]

    @property
    def winner(self) -> str:
        """The likeliest."""
        return max(self.scores, key=self.scores.__getitem__)


def spread(count: int) -> list[int]:
    """0 to count-1 in such an order that however many are taken, they lie all over the place."""
    bits = max(0, count - 1).bit_length()
    return sorted(range(count), key=lambda number: int(f"{number:0{bits}b}"[::-1], 2))


def averaged(votes: Sequence[Vote]) -> dict[str, float]:
    """The chance of each language over all votes, by how much speech each heard; likeliest first.

    Only the likeliest ten: what the others share is nothing to go by.
    """
    total = sum(vote.seconds for vote in votes)
    sums: dict[str, float] = {}
    for vote in votes:
        for language, score in vote.scores.items():
            sums[language] = sums.get(language, 0.0) + score * vote.seconds / total
    order = sorted(sums, key=lambda language: (-sums[language], language))
    return {language: round(sums[language], 4) for language in order[:LIKELIEST]}


def doubts(votes: Sequence[Vote], scores: Mapping[str, float]) -> list[str]:
    """Warnings: a guess, or speech in several languages."""
    language = next(iter(scores))
    warnings = []
    if scores[language] < UNSURE:
        warnings.append(f"the language {language!r} is a guess ({scores[language]:.2f})")
    others = [
        vote.winner
        for vote in votes
        if vote.winner != language and vote.scores[vote.winner] >= CERTAIN
    ]
    for other in sorted(set(others)):
        share = f"{others.count(other)} of {len(votes)} stretches"
        warnings.append(f"another language is spoken, too: {other!r} in {share}")
    return warnings
