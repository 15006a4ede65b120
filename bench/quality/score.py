"""Word and diarization error rates. Runs in the bench's own environment; JSON in and out.

In: {"texts": {KEY: [[said, heard], …]}, "turns": {KEY: [[true, found, [start, end]], …]}}.
Out: {"texts": {KEY: {"rate", "words"}}, "turns": {KEY: {"plain", "collar"}}}.
"""

import json
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import jiwer
from pyannote.core import Annotation, Segment, Timeline
from pyannote.metrics.diarization import DiarizationErrorRate
from whisper_normalizer.english import EnglishTextNormalizer

COLLAR_S = 0.25
"""On each side of an edge, as NIST counts; pyannote.metrics wants both together."""


def main() -> None:
    """All that is asked."""
    warnings.filterwarnings("ignore")
    asked = json.load(sys.stdin)
    texts = {key: words(pairs) for key, pairs in asked["texts"].items()}
    turns = {
        key: {"plain": speakers(cases, 0.0), "collar": speakers(cases, COLLAR_S)}
        for key, cases in asked["turns"].items()
    }
    print(json.dumps({"texts": texts, "turns": turns}))


def words(pairs: Sequence[tuple[str, str]]) -> dict[str, float]:
    """The word error rate over all pairs, both texts by Whisper's normaliser for English."""
    plain = EnglishTextNormalizer()
    said, heard = ([plain(text) for text in texts] for texts in zip(*pairs, strict=True))
    return {"rate": jiwer.wer(said, heard), "words": sum(len(text.split()) for text in said)}


def speakers(cases: Sequence[Any], collar: float) -> float:
    """The diarization error rate over all cases, overlap counted."""
    metric = DiarizationErrorRate(collar=2 * collar)
    for true, found, judged in cases:
        metric(_annotation(true), _annotation(found), uem=Timeline([Segment(*judged)]))
    return float(abs(metric))


def _annotation(turns: Sequence[tuple[float, float, str]]) -> Annotation:
    found = Annotation()
    for number, (start, end, who) in enumerate(turns):
        found[Segment(start, end), number] = who
    return found


main()
