"""Transcripts for the eye."""

import pytest

from infra.cli.reading import clock, word_flow, word_lines
from streams.transcript import Segment, Transcript, Word

SAID = Transcript(
    duration=4.0,
    segments=(
        Segment(0.4, 1.5, "So it goes.", (Word("So", 0.4, 0.6), Word("it", 0.6, 0.8))),
        Segment(61.2, 62.0, " No times. "),
    ),
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00.00"), (1.239, "00:01.24"), (59.999, "01:00.00"), (3723.45, "1:02:03.45")],
)
def test_times_are_rounded_as_a_whole(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_each_word_is_a_line_and_a_segment_without_words_is_one() -> None:
    assert word_lines(SAID) == "[00:00.40] So\n[00:00.60] it\n[01:01.20] No times."


def test_the_flow_holds_the_same_words() -> None:
    assert word_flow(SAID, 80).plain.splitlines() == [
        "[00:00.40] So [00:00.60] it",
        "[01:01.20] No times.",
    ]


def test_the_flow_breaks_before_a_time_never_after_it() -> None:
    assert word_flow(SAID, 20).plain.splitlines()[:2] == ["[00:00.40] So", "[00:00.60] it"]
