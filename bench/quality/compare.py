"""What came out on both sides → questions to score.py, and rows of tables."""

import math
import wave
from collections.abc import Sequence
from typing import Any

from bench.quality import measures, tables
from bench.quality.audio import Recording
from bench.quality.ours import Heard
from bench.report import Row


def questions(
    read: Sequence[Recording],
    talks: Sequence[Recording],
    mine: dict[str, list[Heard]],
    theirs: dict[str, Any],
) -> dict[str, dict[str, list[Any]]]:
    """What score.py is asked, by engine and kind."""
    texts: dict[str, list[Any]] = {}
    turns: dict[str, list[Any]] = {}
    for engine in ("faster_whisper", "moonshine"):
        for one, heard, other in zip(read, mine[engine], theirs[engine], strict=True):
            key = f"{engine}|{one.kind}"
            texts.setdefault(f"{key}|ours", []).append((one.text, heard.transcript.text))
            texts.setdefault(f"{key}|bare", []).append((one.text, other["text"]))
    for one, heard, other in zip(talks, mine["diarized"], theirs["diarized"], strict=True):
        assert heard.diarization
        judged = one.judged or (0.0, seconds(one.file))
        found = [(turn.start, turn.end, turn.speaker) for turn in heard.diarization.turns]
        turns.setdefault(f"{one.kind}|ours", []).append((one.turns, found, judged))
        turns.setdefault(f"{one.kind}|bare", []).append((one.turns, other["turns"], judged))
    return {"texts": texts, "turns": turns}


def times(
    read: Sequence[Recording],
    timed: Sequence[Recording],
    mine: dict[str, list[Heard]],
    theirs: dict[str, Any],
) -> list[Row]:
    """Errors of word times, by whoever gave them."""
    rows = []
    names = [one.name for one in timed]
    for what, engine in (("faster_whisper's own", "faster_whisper"), ("pocketsphinx", "aligned")):
        order = read if engine == "faster_whisper" else timed
        late: list[dict[int, float]] = [{}, {}]
        for one, heard, other in zip(order, mine[engine], theirs[engine], strict=True):
            if one.name in names:
                words = [(w.text, w.start) for s in heard.transcript.segments for w in s.words]
                pairs = (words, [(text, start) for text, start, _ in other["words"]])
                for kept, found in zip(late, pairs, strict=True):
                    offset = 10_000 * names.index(one.name)
                    kept.update({offset + n: s for n, s in measures.late(one.words, found).items()})
        known = sum(first for one in timed for *_, first in measures.bare_words(one.words))
        rows += tables.times(what, late[0], late[1], known)
    return [*rows, Row("whisperx", "not measured: no trained aligner comes in a package")]


def speakers(
    talks: Sequence[Recording], mine: dict[str, list[Heard]], theirs: dict[str, Any]
) -> list[Row]:
    """The share of words that were given to somebody else; bare: whoever speaks longest in it."""
    rows = []
    counts: dict[str, list[int]] = {}
    for one, heard, other in zip(talks, mine["diarized"], theirs["diarized"], strict=True):
        if one.spoken:
            words = [(w.text, w.speaker) for s in heard.transcript.segments for w in s.words]
            told = [
                (text, measures.speaker(start, end, other["turns"]))
                for text, start, end in theirs["talks"][one.file]["words"]
            ]
            ours_right, ours_of = measures.right(one.spoken, words)
            bare_right, bare_of = measures.right(one.spoken, told)
            value = f"{ours_right} of {ours_of} right"
            rows.append(Row(one.name, value, f"bare {bare_right} of {bare_of}"))
            count = counts.setdefault(f"{one.kind}, words with a wrong speaker", [0, 0, 0, 0])
            for n, number in enumerate((ours_right, ours_of, bare_right, bare_of)):
                count[n] += number
    for what, (right, of, bare_right, bare_of) in counts.items():
        rows.append(tables.rate(what, 1 - right / of, 1 - bare_right / bare_of))
    return rows


def factors(theirs: dict[str, Any]) -> dict[str, float]:
    """Stage → real-time factor of its library alone."""
    names = {
        "faster_whisper": "transcribe (faster_whisper)",
        "moonshine": "transcribe (moonshine)",
        "aligned": "align (pocketsphinx)",
        "diarized": "diarize (pyannote)",
    }
    return {
        stage: math.fsum(one["seconds"] for one in theirs[name])
        / math.fsum(map(seconds, theirs["files"][name]))
        for name, stage in names.items()
    }


def seconds(file: str) -> float:
    """How long a WAV file is."""
    with wave.open(file) as sound:
        return float(sound.getnframes() / sound.getframerate())
