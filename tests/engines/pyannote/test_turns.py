import pytest

from engines.pyannote.turns import Said, doubts, mended, names, speakers, turns
from streams.transcript import Speaker, Turn


def test_a_turn_that_a_window_cut_apart_is_one_again() -> None:
    halves = [Said(0.0, 5.0, 0), Said(5.01, 8.0, 0), Said(9.0, 10.0, 0)]
    assert mended(halves, 60.0) == [Said(0.0, 8.0, 0), Said(9.0, 10.0, 0)]


def test_turns_of_others_are_left_apart_and_overlap() -> None:
    both = [Said(0.0, 5.0, 0), Said(4.0, 6.0, 1), Said(4.0, 6.0, 0, channel=1)]
    assert mended(both, 60.0) == both


def test_a_turn_reaches_no_farther_than_the_audio_and_an_empty_one_is_none() -> None:
    assert mended([Said(-0.5, 3.0, 0), Said(9.0, 12.0, 1), Said(10.5, 11.0, 0)], 10.0) == [
        Said(0.0, 3.0, 0),
        Said(9.0, 10.0, 1),
    ]


def test_speakers_are_named_in_the_order_in_which_they_first_talk() -> None:
    said = [Said(4.0, 5.0, 0), Said(1.0, 2.0, 7), Said(2.0, 3.0, 0, channel=1)]
    called = names(said)
    assert called == {(None, 7): "S1", (1, 0): "S2", (None, 0): "S3"}
    assert speakers(called) == (Speaker("S1"), Speaker("S2"), Speaker("S3"))


def test_a_turn_carries_the_speaker_and_the_channel() -> None:
    said = [Said(1.0, 2.5, 3, channel=1)]
    assert turns(said, names(said)) == (Turn(1.0, 2.5, "S1", 1),)


@pytest.mark.parametrize(
    ("found", "fewest", "most", "nearest", "words"),
    [
        (0, None, None, [], "no speech was found"),
        (0, 3, None, [], "no speech was found"),
        (1, 3, None, [9.0], "1 speaker was found, though min_speakers is 3"),
        (2, 3, None, [0.9], "2 speakers were found, though min_speakers is 3"),
        (2, None, 1, [9.0, 9.0], "2 speakers were found, one a track, though max_speakers is 1"),
        (3, 3, None, [0.05], "two of the 3 speakers sound alike and may be one person"),
    ],
)
def test_a_doubtful_number_of_speakers_is_told(
    found: int, fewest: int | None, most: int | None, nearest: list[float], words: str
) -> None:
    [warning] = doubts(found, fewest, most, nearest, 0.25)
    assert warning.startswith(words)


@pytest.mark.parametrize(("fewest", "most"), [(None, None), (2, 2), (1, 5)])
def test_what_was_asked_for_and_is_believed_needs_no_words(
    fewest: int | None, most: int | None
) -> None:
    assert doubts(2, fewest, most, [0.8], 0.25) == []


def test_voices_that_are_alike_without_a_bound_are_the_pipelines_own_finding() -> None:
    assert doubts(2, None, None, [0.05], 0.25) == []
