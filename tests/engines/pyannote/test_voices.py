import math
import random

import numpy as np
import pytest

from engines.pyannote.diarizer import window_seconds
from engines.pyannote.voices import Voice, centroids, nearest, people


def voice(window: int, degrees: float, seconds: float = 10.0) -> Voice:
    """A voice in two dimensions; 20 degrees apart is a cosine distance of 0.06, 60 is 0.5."""
    angle = math.radians(degrees)
    return Voice(window, seconds, np.array([math.cos(angle), math.sin(angle)]))


def test_the_same_voices_of_two_windows_are_the_same_people() -> None:
    assert people([voice(0, 0), voice(0, 90), voice(1, 92), voice(1, 3)]) == [0, 1, 1, 0]


def test_a_new_voice_is_a_new_person() -> None:
    assert people([voice(0, 0), voice(1, 2), voice(1, 90)]) == [0, 0, 1]


def test_no_voice_is_nobody() -> None:
    assert people([]) == []
    assert nearest([]) == nearest([np.array([1.0, 0.0])]) == math.inf


def test_people_are_numbered_as_they_appear() -> None:
    assert people([voice(0, 90), voice(0, 0), voice(1, 180), voice(1, 0)]) == [0, 1, 2, 1]


def test_voices_told_apart_in_one_window_stay_apart_however_alike() -> None:
    assert people([voice(0, 0), voice(0, 5)]) == [0, 1]


def test_a_third_window_does_not_join_what_the_first_told_apart() -> None:
    found = people([voice(0, 0), voice(0, 10), voice(1, 5)])
    assert found[0] != found[1]
    assert found[2] in found[:2]


def test_at_most_joins_beyond_what_is_alike() -> None:
    assert people([voice(0, 0), voice(1, 90)], most=1) == [0, 0]


def test_at_most_joins_even_voices_of_one_window_when_nothing_else_is_left() -> None:
    assert people([voice(0, 0), voice(0, 90), voice(0, 100)], most=2) == [0, 1, 1]


def test_at_least_ends_the_joining_early() -> None:
    assert people([voice(0, 0), voice(1, 1), voice(2, 2)], fewest=3) == [0, 1, 2]
    assert people([voice(0, 0), voice(1, 1), voice(2, 3)], fewest=2) == [0, 0, 1]


def test_who_spoke_long_weighs_more_than_who_spoke_for_a_moment() -> None:
    long, short = voice(0, 0, seconds=600), voice(1, 30, seconds=1)
    [of_both] = centroids([long, short], [0, 0])
    assert abs(math.degrees(math.atan2(of_both[1], of_both[0]))) < 0.2


def test_a_voice_without_an_embedding_is_like_nobody() -> None:
    nothing = Voice(1, 5.0, np.zeros(2))
    assert people([voice(0, 0), nothing, voice(2, 1)]) == [0, 1, 0]


def test_nearest_is_the_distance_of_the_two_most_alike() -> None:
    those = [voice(0, angle).centroid for angle in (0, 60, 180)]
    assert nearest(those) == pytest.approx(0.5)


def test_many_windows_of_four_noisy_voices_are_four_people() -> None:
    generator = np.random.default_rng(3)
    true = np.linalg.qr(generator.normal(size=(192, 4)))[0].T
    who = [(window, speaker) for window in range(50) for speaker in range(4)]
    random.Random(3).shuffle(who)
    heard = [
        Voice(window, 20.0, true[speaker] + generator.normal(scale=0.02, size=192))
        for window, speaker in who
    ]
    found = people(heard)
    assert len(set(found)) == 4
    assert len({(owner, speaker) for owner, (_, speaker) in zip(found, who, strict=True)}) == 4


@pytest.mark.parametrize("total", [1.0, 900.0])
def test_what_fits_is_one_window(total: float) -> None:
    assert window_seconds(total, 900.0) == 900.0


@pytest.mark.parametrize("total", [901.0, 3600.0, 36_000.0])
def test_longer_audio_is_cut_evenly(total: float) -> None:
    length = window_seconds(total, 900.0)
    rest = total % (length - 15.0)
    assert length <= 900.0
    assert rest < 1e-6 or rest > length / 3
