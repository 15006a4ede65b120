from itertools import pairwise

import numpy as np
import pytest

from engines.funasr import pauses
from engines.funasr.pauses import LONGEST_S, Clip
from engines.sdk.windows import RATE, Samples


def noise(seconds: float, level_db: float, seed: int = 1) -> Samples:
    made = np.random.default_rng(seed).standard_normal(int(seconds * RATE))
    return (made * 10 ** (level_db / 20)).astype(np.float32)


def test_what_is_loud_is_found_with_a_margin() -> None:
    samples = np.concatenate((noise(2, -80), noise(1, -20), noise(2, -80), noise(3, -25)))
    found = pauses.loud(samples)
    assert [(round(c.start, 1), round(c.end, 1)) for c in found] == [(1.8, 3.2), (4.8, 8.0)]


def test_a_short_word_in_long_silence_is_found() -> None:
    samples = np.concatenate((noise(200, -90), noise(0.4, -30), noise(90, -90)))
    (clip,) = pauses.loud(samples)
    assert clip.start < 200 < 200.4 < clip.end


def test_silence_has_no_clips() -> None:
    assert pauses.loud(np.zeros(10 * RATE, np.float32)) == []
    assert pauses.loud(noise(10, -75)) == []
    assert pauses.loud(np.zeros(0, np.float32)) == []


def test_where_nothing_stands_out_all_is_heard() -> None:
    samples = noise(100, -30)
    found = pauses.clips(samples, pauses.loud(samples))
    assert found[0].start == 0.0
    assert found[-1].end == pytest.approx(100, abs=0.1)
    assert all(a.end == b.start for a, b in pairwise(found))
    assert max(clip.end - clip.start for clip in found) <= LONGEST_S


def test_a_quiet_speaker_beside_a_loud_one_is_heard() -> None:
    samples = np.concatenate((noise(3, -15), noise(1, -70), noise(3, -38), noise(1, -70)))
    assert len(pauses.loud(samples)) == 2


def test_neighbours_are_joined_until_it_gets_long_or_the_pause_is() -> None:
    samples = noise(60, -30)
    speech = [Clip(0, 4), Clip(4.5, 9), Clip(9.5, 14), Clip(14.5, 20), Clip(25, 26)]
    assert pauses.clips(samples, speech) == [Clip(0, 14), Clip(14.5, 20), Clip(25, 26)]


def test_what_is_too_long_is_cut_where_it_is_quiet() -> None:
    samples = np.concatenate((noise(20, -20), noise(1, -60), noise(30, -20)))
    first, *_ = pauses.clips(samples, pauses.whole(samples))
    assert 20 < first.end < 21
