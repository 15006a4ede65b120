from pathlib import Path

import numpy as np
import pytest

from engines.sdk.windows import RATE, quietest, windows
from tests.engines.media import encode, quiet, tone


def test_a_short_track_is_one_window(tmp_path: Path) -> None:
    (window,) = windows(encode(tmp_path / "a.wav", tone(2)))
    assert (window.start, window.seconds) == (0.0, 2.0)
    assert float(np.abs(window.samples).max()) == pytest.approx(0.5, abs=0.001)


def test_windows_follow_each_other_without_a_hole(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", tone(200))
    found = list(windows(path, seconds=45))
    assert len(found) > 4
    ends = [window.start + window.seconds for window in found]
    assert [window.start for window in found[1:]] == pytest.approx(ends[:-1])
    assert ends[-1] == 200.0
    assert all(window.seconds <= 45 for window in found)


def test_a_window_ends_in_the_pause(tmp_path: Path) -> None:
    track = np.concatenate([tone(50), quiet(2), tone(50)], axis=1)
    first, _ = windows(encode(tmp_path / "a.wav", track), seconds=60)
    assert 50 < first.seconds < 52


def test_a_broken_off_track_ends_where_it_ends(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", tone(10))
    path.write_bytes(path.read_bytes()[: 5 * RATE])
    assert sum(window.seconds for window in windows(path)) < 3


def test_what_is_too_short_to_search_is_not_cut() -> None:
    assert quietest(np.ones(100, np.float32), 1_000) == 100
