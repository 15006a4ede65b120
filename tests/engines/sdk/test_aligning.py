"""The frame that aligners work in, with an aligner that finds one loud stretch for one word."""

import array
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from engines.sdk import aligning, inputs, wav
from engines.sdk.aligning import Report
from engines.sdk.contract import Engine, InvalidInput, Task
from engines.sdk.places import Place
from streams.transcript import Segment, Transcript, Word


class Loud(Engine):
    """Each word is where the samples are not zero; two words do not fit."""

    name, stage, version = "loud", "align", "0.1.0"

    def run(self, task: Task) -> Transcript:
        spoken = aligning.language(task, task.parsed(aligning.Options))
        return aligning.aligned(task, find, task.provenance(), takes, spoken)


def find(pcm: bytes, words: Sequence[str], report: Report) -> list[Place | None] | None:
    samples = array.array("h", pcm)
    loud = [n for n, sample in enumerate(samples) if sample]
    report(len(samples) / wav.RATE)
    if len(words) > 1 or not loud:
        return None
    return [Place(loud[0] / wav.RATE, (loud[-1] + 1) / wav.RATE, 0.5)]


def takes(language: str | None) -> str | None:
    return None if language == "en" else f"no {language}"


def track(path: Path, start: float, end: float, duration: float) -> Path:
    rate = wav.RATE
    samples = [1000 if start <= n / rate < end else 0 for n in range(int(duration * rate))]
    wav.write(path, array.array("h", samples))
    return path


def task(folder: Path, heard: Transcript, spoken: Sequence[tuple[float, float]]) -> Task:
    tracks = [track(folder / f"{n}.wav", *span, 3.0) for n, span in enumerate(spoken)]
    told: list[float] = []
    return inputs.task(
        Loud(),
        workdir=folder,
        tracks=tracks,
        documents={"transcribe": msgspec.json.encode(heard)},
        report=told.append,
    )


def test_each_segment_is_looked_for_on_its_own_channel(tmp_path: Path) -> None:
    heard = Transcript(
        3.0,
        (Segment(0.0, 2.0, "one", channel=0), Segment(1.0, 3.0, "two", channel=1)),
        "en",
    )
    found = Loud().run(task(tmp_path, heard, [(0.5, 0.75), (2.0, 2.5)]))
    assert [segment.words for segment in found.segments] == [
        (Word("one", 0.5, 0.75, 0.5),),
        (Word("two", 2.0, 2.5, 0.5),),
    ]
    assert [mark.engine for mark in found.provenance] == ["loud"]


def test_what_does_not_fit_is_shared_out_and_counted_by_reason(tmp_path: Path) -> None:
    heard = Transcript(
        3.0,
        (
            Segment(0.0, 1.0, "a b"),
            Segment(1.0, 2.0, "c", language="fr"),
            Segment(2.0, 2.5, ""),
            Segment(2.9, 9.0, "d"),
        ),
        "en",
    )
    found = Loud().run(task(tmp_path, heard, [(0.2, 0.3)]))
    assert [[(w.start, w.end) for w in s.words] for s in found.segments] == [
        [(0.0, 0.5), (0.5, 1.0)],
        [(1.0, 2.0)],
        [],
        [(2.9, 3.0)],
    ]
    assert found.warnings[0].startswith("2 of 4 segments were not aligned (the text does not fit")
    assert found.warnings[1].startswith("1 of 4 segments were not aligned (no fr)")


def test_a_transcript_of_other_audio_is_refused(tmp_path: Path) -> None:
    heard = Transcript(3.0, (Segment(0.0, 1.0, "one", channel=7),), "en")
    with pytest.raises(InvalidInput, match="channel 7"):
        Loud().run(task(tmp_path, heard, [(0.0, 1.0), (0.0, 1.0)]))
