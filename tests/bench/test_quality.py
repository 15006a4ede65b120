"""The measures of `make bench-quality` that need no library."""

import math

import pytest

from bench.quality import measures
from bench.quality.emotion import confusion


def test_words_are_compared_without_case_punctuation_and_hyphens() -> None:
    assert measures.tokens("It\N{RIGHT SINGLE QUOTATION MARK}s cold-hearted, Mr. 3!") == [
        "it's",
        "cold",
        "hearted",
        "mr",
        "3",
    ]


def test_a_missing_and_an_extra_word_leave_the_others_matched() -> None:
    said, heard = ["we", "had", "three", "replies"], ["we", "had", "replies", "today"]
    assert measures.matched(said, heard) == [(0, 0), (1, 1), (3, 2)]


def test_the_start_of_each_matched_word_is_compared() -> None:
    said = [("we", 1.0), ("had", 1.5), ("three", 2.0)]
    heard = [("We", 0.9), ("have", 1.5), ("three.", 2.25)]
    assert measures.late(said, heard) == pytest.approx({0: 0.1, 2: 0.25})


def test_of_two_words_said_as_one_only_the_first_has_a_start() -> None:
    said = [("because of", 1.0), ("snow", 2.0)]
    heard = [("because", 1.0), ("of", 1.4), ("snow", 2.0)]
    assert measures.late(said, heard) == {0: 0.0, 2: 0.0}


def test_times_are_compared_on_words_that_both_have() -> None:
    assert measures.both({0: 0.1, 1: 9.0}, {0: 0.2, 2: 9.0}) == ([0.1], [0.2])
    assert math.isnan(measures.mean([]))


def test_95_of_100_values_are_not_above_the_p95() -> None:
    assert measures.p95(range(1, 101)) == 95
    assert measures.p95([3.0]) == 3.0


def test_speakers_are_matched_in_the_way_that_is_best() -> None:
    said = [("a", "joe"), ("b", "joe"), ("c", "ann"), ("d", "ann")]
    heard = [("a", "S2"), ("b", "S2"), ("c", "S1"), ("d", "S2")]
    assert measures.right(said, heard) == (3, 4)


def test_two_speakers_taken_for_one_are_right_for_one_of_them() -> None:
    said = [("a", "joe"), ("b", "ann"), ("c", "joe")]
    assert measures.right(said, [("a", "S1"), ("b", "S1"), ("c", "S1")]) == (2, 3)


def test_a_word_of_nobody_is_not_right() -> None:
    assert measures.right([("a", "joe")], [("a", None)]) == (0, 1)


def test_a_word_is_by_whoever_speaks_longest_in_it() -> None:
    turns = [(0.0, 1.2, "S1"), (1.2, 3.0, "S2")]
    assert measures.speaker(1.0, 2.0, turns) == "S2"
    assert measures.speaker(5.0, 6.0, turns) is None


def test_worse_by_no_more_than_rounding_holds() -> None:
    assert measures.holds(0.105, 0.1, 0.005)
    assert not measures.holds(0.106, 0.1, 0.005)
    assert measures.holds(0.05, 0.1, 0.005)


def test_what_was_taken_for_what_is_counted() -> None:
    found = confusion(["angry", "angry", "happy"], ["angry", "sad", ""])
    assert found == {"angry": {"angry": 1, "sad": 1}, "happy": {"nothing": 1}}
