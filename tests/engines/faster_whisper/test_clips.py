import itertools

from hypothesis import given
from hypothesis import strategies as st

from engines.faster_whisper.clips import MAX_CLIP_S, Clip, packed


def test_neighbours_are_joined() -> None:
    assert packed([Clip(0, 5), Clip(5.5, 12)]) == [Clip(0, 12)]


def test_a_long_pause_stays_out() -> None:
    assert packed([Clip(0, 5), Clip(9, 12)]) == [Clip(0, 5), Clip(9, 12)]


def test_no_clip_outgrows_the_window() -> None:
    assert packed([Clip(0, 20), Clip(20.5, 40)]) == [Clip(0, 20), Clip(20.5, 40)]


def test_nothing_said_gives_nothing() -> None:
    assert packed([]) == []


@given(st.lists(st.tuples(st.floats(0.01, 29), st.floats(0, 5)), max_size=30))
def test_all_speech_is_in_some_clip_in_order(parts: list[tuple[float, float]]) -> None:
    speech, now = [], 0.0
    for length, pause in parts:
        speech.append(Clip(now, now + length))
        now += length + pause
    clips = packed(speech)
    assert all(c.end - c.start <= max(MAX_CLIP_S, 29) + 1e-6 for c in clips)
    assert all(before.end <= after.start for before, after in itertools.pairwise(clips))
    assert all(any(c.start <= s.start and s.end <= c.end for c in clips) for s in speech)
