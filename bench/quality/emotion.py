"""Emotions against known ones, where somebody has real weights: no package ships any."""

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.quality.audio import Recording
from bench.quality.lab import KEPT, ask, python
from bench.quality.ours import Heard, Ours
from bench.quality.tables import rate
from bench.report import Row
from engines.sdk import wav

ENGINE = "emotion2vec"
NONE = [
    Row(
        "emotion confusion",
        "not measured: no package ships weights; give --emotion-model and --emotion-audio",
    )
]
AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".m4a")


class Asked(NamedTuple):
    """Weights, and recordings whose ``text`` is the emotion that they are known for."""

    model: Path
    recordings: list[Recording]

    @classmethod
    def of(cls, arguments: argparse.Namespace) -> "Asked | None":
        """As the command line has it: a folder of audio for each emotion.

        Raises:
            SystemExit: there is no audio.
        """
        if arguments.emotion_model is None:
            return None
        files = [p for p in sorted(arguments.emotion_audio.glob("*/*")) if p.suffix in AUDIO]
        if not files:
            raise SystemExit(f"{arguments.emotion_audio} has no audio in folders such as angry/")
        folder = KEPT / "made" / "emotion"
        folder.mkdir(parents=True, exist_ok=True)
        found = []
        for number, path in enumerate(files):
            target = folder / f"{number}.wav"
            wav.convert(path, target)
            label = path.parent.name
            found.append(Recording(name=path.name, kind="emotion", file=str(target), text=label))
        return cls(arguments.emotion_model.absolute(), found)

    @property
    def environ(self) -> dict[str, str]:
        """What lets an engine find the weights."""
        return {"DALSTON_MODELS_DIR": str(self.model.parent)}

    async def heard(self, stack: Ours) -> list[Heard]:
        """By the stack."""
        fields = {"engines": f"emotion={ENGINE}", "models": f"emotion={self.model.name}"}
        return await stack.hear("ours, emotion2vec", self.recordings, {**fields, "emotion": "true"})

    async def bare(self) -> list[str]:
        """By the library, each recording as a whole."""
        question = {"model": self.model, "files": [one.file for one in self.recordings]}
        found: list[str] = await ask(await python(ENGINE), "bare_emotion2vec.py", question)
        return found

    def rows(self, heard: Sequence[Heard], bare: Sequence[str]) -> list[Row]:
        """Rates of wrong labels, and what was taken for what."""
        ours = [label(one) for one in heard]
        known = [one.text for one in self.recordings]
        wrong = [
            sum(one != other for one, other in zip(known, labels, strict=True)) / len(known)
            for labels in (ours, bare)
        ]
        rows = [rate(f"wrong emotion, {len(known)} recordings", *wrong)]
        mine, theirs = (confusion(known, labels) for labels in (ours, bare))
        for emotion in sorted(set(known)):
            taken = _line(mine[emotion]), _line(theirs[emotion])
            rows.append(Row(f"{emotion}, taken for", taken[0], f"bare: {taken[1]}"))
        return rows


def label(heard: Heard) -> str:
    """The emotion of the longest part of a recording; "" where none was judged."""
    seconds: Counter[str] = Counter()
    for segment in heard.transcript.segments:
        if segment.emotion:
            seconds[segment.emotion.label] += round(1000 * (segment.end - segment.start))
    return seconds.most_common(1)[0][0] if seconds else ""


def confusion(known: Sequence[str], found: Sequence[str]) -> dict[str, Counter[str]]:
    """Known emotion → what it was taken for, how often."""
    table: dict[str, Counter[str]] = {}
    for one, other in zip(known, found, strict=True):
        table.setdefault(one, Counter())[other or "nothing"] += 1
    return table


def _line(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in Counter(counts).most_common())
