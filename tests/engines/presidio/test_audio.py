"""Stretches of a track made inaudible: pure."""

import math
import wave
from array import array
from itertools import pairwise
from pathlib import Path

import pytest

from engines.presidio.audio import EDGE_S, PAD_S, spans, veil
from engines.sdk import wav
from streams.transcript import Redacted

RATE = wav.RATE


def redaction(start: float, end: float, channel: int | None = None) -> Redacted:
    return Redacted("PERSON", start, end, 0, channel=channel)


@pytest.fixture
def track(tmp_path: Path) -> Path:
    """Five seconds of a tone of 300 Hz."""
    tone = (round(9000 * math.sin(2 * math.pi * 300 * n / RATE)) for n in range(5 * RATE))
    path = tmp_path / "track.wav"
    wav.write(path, array("h", tone))
    return path


def samples(path: Path) -> "array[int]":
    with wave.open(str(path), "rb") as file:
        assert file.getparams()[:3] == (1, 2, RATE)
        return array("h", file.readframes(file.getnframes()))


def test_spans_are_padded_and_those_that_touch_are_one() -> None:
    times = ((3, 4), (1, 2), (2.1, 2.5), (0.1, 0.2))
    found = spans([redaction(*pair) for pair in times], None)
    expected = [(0, 0.2 + PAD_S), (1 - PAD_S, 2.5 + PAD_S), (3 - PAD_S, 4 + PAD_S)]
    assert len(found) == 3
    for one, wanted in zip(found, expected, strict=True):
        assert one == pytest.approx(wanted)


def test_a_track_has_the_spans_of_its_channel_and_a_mix_has_all() -> None:
    found = [redaction(1, 2, 0), redaction(3, 4, 1), redaction(5, 6)]
    assert [len(spans(found, channel)) for channel in (0, 1, None)] == [2, 2, 3]


def test_silence_leaves_nothing_of_the_stretch_and_the_rest_as_it_was(
    track: Path, tmp_path: Path
) -> None:
    done: list[float] = []
    veil(track, tmp_path / "out.wav", [(1.0, 2.0), (4.9, 7.0)], "silence", done.append)
    before, after = samples(track), samples(tmp_path / "out.wav")
    assert len(after) == len(before)
    assert set(after[RATE : 2 * RATE]) == {0}
    assert set(after[round(4.9 * RATE) :]) == {0}
    edge = round(EDGE_S * RATE)
    assert after[: RATE - edge] == before[: RATE - edge]
    assert after[2 * RATE + edge + 1 : 4 * RATE] == before[2 * RATE + edge + 1 : 4 * RATE]
    assert done[-1] == 1.0


def test_a_beep_is_a_tone_with_soft_edges_and_nothing_of_the_voice(
    track: Path, tmp_path: Path
) -> None:
    veil(track, tmp_path / "out.wav", [(1.0, 2.0)], "beep")
    after = samples(tmp_path / "out.wav")[RATE : 2 * RATE]
    assert 3200 < max(after) <= 3277
    voice = sum(value * math.sin(2 * math.pi * 300 * n / RATE) for n, value in enumerate(after))
    assert abs(voice) / len(after) < 1
    steps = [abs(b - a) for a, b in pairwise(after)]
    assert max(steps) < 3300 * 2 * math.pi * 1000 / RATE
