"""How far a transcript is from what was said."""

import re
from collections.abc import Sequence
from pathlib import Path

SAMPLES = Path(__file__).parents[2] / "samples"
SAMPLE = SAMPLES / "sense_and_sensibility.flac"
SAID = (SAMPLES / "sense_and_sensibility.txt").read_text()


def plain(text: str) -> list[str]:
    """Words without case, punctuation and short forms."""
    text = text.lower().replace("mr.", "mister").replace("-", " ")
    return re.sub(r"[^a-z' ]", " ", text).split()


def error_rate(said: str, heard: str) -> float:
    """Wrong, missing and extra words for each word that was said."""
    reference, words = plain(said), plain(heard)
    return distance(reference, words) / len(reference)


def distance(one: Sequence[str], other: Sequence[str]) -> int:
    """Levenshtein's, by word."""
    row = list(range(len(other) + 1))
    for i, left in enumerate(one, 1):
        previous, row[0] = row[:], i
        for j, right in enumerate(other, 1):
            row[j] = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (left != right))
    return row[-1]
