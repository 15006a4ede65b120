"""Peaks: the loudest of each window, whatever pieces the samples come in."""

from pathlib import Path

import msgspec
import numpy as np
import pytest

from engines.audio_prepare.peaks import MOST, PeakMeter
from engines.audio_prepare.track import RATE
from streams.transcript import Peaks
from tests.engines.audio_prepare.conftest import Prepare
from tests.engines.media import Samples, encode, quiet, tone

SHORT = RATE // 20
chance = np.random.default_rng(5)


def metered(levels: Samples, pieces: list[int], most: int = MOST) -> Peaks:
    """The peaks of samples that come so many at a time, and then the rest."""
    meter, at = PeakMeter(RATE, most), 0
    for size in [*pieces, len(levels)]:
        meter.write(levels[at : at + size])
        at += size
    return meter.peaks()


def exact(levels: Samples, window: int) -> list[int]:
    """The same by the definition."""
    starts = range(0, len(levels), window)
    return [int(np.ceil(levels[at : at + window].max() * 255)) for at in starts]


@pytest.mark.parametrize("length", [1, SHORT - 1, SHORT, SHORT + 1, 10 * SHORT, 10 * SHORT + 7])
def test_each_window_of_50_ms_has_its_loudest_sample(length: int) -> None:
    levels = chance.random(length, np.float32)
    found = metered(levels, [3, 0, SHORT, 5])
    assert found.window_s == 0.05
    assert list(found.levels) == exact(levels, SHORT)


@pytest.mark.parametrize("windows", [8, 8.5, 9, 16, 16.1, 17, 63.9, 64, 64.1, 65, 1000.3])
@pytest.mark.parametrize("piece", [1000, 16_000, 10**9])
def test_windows_grow_so_that_there_are_never_too_many(windows: float, piece: int) -> None:
    levels = chance.random(round(windows * SHORT), np.float32)
    found = metered(levels, [piece] * (len(levels) // piece), most=8)
    assert 4 < len(found.levels) <= 8
    assert list(found.levels) == exact(levels, round(found.window_s * RATE))


def test_three_hours_are_some_thousand_windows() -> None:
    meter = PeakMeter(RATE)
    second = np.full(RATE, 0.5, np.float32)
    for _ in range(3 * 3600):
        meter.write(second)
    found = meter.peaks()
    assert (found.window_s, len(found.levels)) == (0.8, 13_500)
    assert set(found.levels) == {128}


def test_only_silence_is_zero() -> None:
    assert metered(np.zeros(SHORT, np.float32), []).levels == b"\0"
    assert metered(np.full(SHORT, 1e-5, np.float32), []).levels == b"\1"
    assert metered(np.full(SHORT, 1.5, np.float32), []).levels == b"\xff"
    assert metered(np.zeros(0, np.float32), []).levels == b""


def test_each_track_names_its_peaks(prepare: Prepare, tmp_path: Path) -> None:
    both = np.concatenate([tone(2, level=0.5), quiet(2)])
    outcome = prepare(encode(tmp_path / "a.wav", both), channels="separate")
    drawn = [
        msgspec.json.decode(outcome.files[f"track-{n}.peaks.json"].read_bytes(), type=Peaks)
        for n in range(2)
    ]
    assert [track.peaks.media_type for track in outcome.output.tracks] == ["application/json"] * 2
    assert all(one.window_s == 0.05 for one in drawn)
    assert set(drawn[0].levels) <= {127, 128, 129}
    assert drawn[1].levels == bytes(40)
