import wave
from pathlib import Path

import numpy as np
import pytest

from engines.audio_prepare.track import TrackFile


def test_pieces_become_one_file(tmp_path: Path) -> None:
    track = TrackFile(tmp_path / "a.wav", None)
    track.write(np.array([0.0, 0.5], np.float32))
    track.write(np.array([], np.float32))
    track.write(np.array([-0.25], np.float32))
    track.close()
    with wave.open(str(tmp_path / "a.wav"), "rb") as file:
        assert file.getframerate() == 16_000
        found = np.frombuffer(file.readframes(9), "<i2").tolist()
    assert found == [0, 16_384, -8_192]
    assert track.samples == 3
    assert track.peak_dbfs == -6.02
    assert not track.silent


def test_what_is_beyond_full_scale_is_cut_and_counted(tmp_path: Path) -> None:
    track = TrackFile(tmp_path / "a.wav", None)
    track.write(np.array([2.0, -3.0, 1.0], np.float32))
    track.close()
    with wave.open(str(tmp_path / "a.wav"), "rb") as file:
        assert np.frombuffer(file.readframes(9), "<i2").tolist() == [32_767, -32_767, 32_767]
    assert track.clipped == 2


@pytest.mark.parametrize(("level", "silent"), [(0.0, True), (0.0005, True), (0.002, False)])
def test_silent_is_below_what_can_be_heard(tmp_path: Path, level: float, *, silent: bool) -> None:
    track = TrackFile(tmp_path / "a.wav", None)
    track.write(np.full(100, level, np.float32))
    track.close()
    assert track.silent is silent
