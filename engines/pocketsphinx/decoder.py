"""PocketSphinx told which words are said: it says when."""

from collections.abc import Sequence
from typing import Any

from engines.pocketsphinx import spelling
from engines.pocketsphinx.said import said
from engines.sdk.aligning import Report
from engines.sdk.places import Place

BEAMS = {"beam": 1e-200, "pbeam": 1e-200, "wbeam": 1e-150}
"""Wide enough to get over words that were misheard: with every third word wrong 29 of 30
sentences were aligned, with all wrong 7 of 30; the library's own beams lose half of the former."""
BLOCK = 32_000
"""Bytes: a second. Progress is told so often."""
WHOLE_S = 60
"""Up to here the sound is evened out over the whole stretch, beyond it as it comes."""
FILLERS = ("<", "[", "(")


class Speech:
    """One loaded decoder; it learns the words that its dictionary lacks."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder  # noqa: PLC0415 - a library of the child

        self._decoder: Any = Decoder(lm=None, bestpath=False, loglevel="FATAL", **BEAMS)
        self._frames = self._decoder.config["frate"]

    def places(
        self, pcm: bytes, tokens: Sequence[str], report: Report
    ) -> list[Place | None] | None:
        """Where each token is said, in seconds; None for all if they do not fit the audio."""
        spoken = [self._known(said(token, self._knows)) for token in tokens]
        words = [word for group in spoken for word in group]
        if not words:
            return None
        spans = self._spans(pcm, words, report)
        if len(spans) != len(words):
            return None
        found: list[Place | None] = []
        for group in spoken:
            mine, spans = spans[: len(group)], spans[len(group) :]
            found.append(Place(mine[0][0], mine[-1][1]) if mine else None)
        return found

    def _spans(self, pcm: bytes, words: Sequence[str], report: Report) -> list[tuple[float, float]]:
        decoder = self._decoder
        decoder.set_align_text(" ".join(words))
        decoder.start_utt()
        try:
            if len(pcm) <= WHOLE_S * BLOCK:
                decoder.process_raw(pcm, full_utt=True)
            else:
                for at in range(0, len(pcm), BLOCK):
                    decoder.process_raw(pcm[at : at + BLOCK])
                    report(at / BLOCK)
        finally:
            decoder.end_utt()
        return [
            (item.start_frame / self._frames, (item.end_frame + 1) / self._frames)
            for item in decoder.seg() or ()
            if not item.word.startswith(FILLERS)
        ]

    def _knows(self, word: str) -> bool:
        return bool(word) and self._decoder.lookup_word(word) is not None

    def _known(self, words: Sequence[str]) -> Sequence[str]:
        for word in words:
            if not self._knows(word):
                self._decoder.add_word(word, spelling.phones(word), False)
        return words
