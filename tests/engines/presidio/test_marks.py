"""Marks and masks: pure, with a recogniser that knows a few words."""

import re
from collections.abc import Iterator

from engines.presidio.marks import (
    WINDOW,
    Found,
    Mark,
    clusters,
    groups,
    marked,
    phrases,
    repeated,
)
from engines.presidio.mask import masked_text, masked_words, tokens
from streams.transcript import Character, Word

NAME = Mark("PERSON", 0.9)


def names(text: str) -> Iterator[Found]:
    """John Smith, with or without Smith, and phone numbers."""
    for match in re.finditer(r"John( Smith)?", text):
        yield Found(match.start(), match.end(), "PERSON", 0.9)
    for match in re.finditer(r"\d{10}", text):
        yield Found(match.start(), match.end(), "PHONE_NUMBER", 0.4)


def masked(text: str) -> str:
    """The text as it is after marking and repetition."""
    split = tokens(text)
    marks = marked(split, names)
    repeated(split, marks, phrases([(split, marks)]))
    return masked_text(text, marks)


def test_each_finding_becomes_one_label_with_its_punctuation() -> None:
    assert masked('He said: "John Smith!"  And\nwent.') == 'He said: "[PERSON]!"  And\nwent.'


def test_a_number_is_masked_in_the_words_that_say_it() -> None:
    said = "call two one two five five five oh one four two, please"
    assert masked(said) == "call [PHONE_NUMBER], please"


def test_what_was_found_once_is_masked_everywhere() -> None:
    assert masked("John Smith came. Then JOHN SMITH, Smith's wife, smith.") == (
        "[PERSON] came. Then [PERSON], [PERSON] wife, smith."
    )


def test_a_number_that_was_said_is_known_where_it_is_written() -> None:
    said = tokens("two one two five five five oh one four two")
    known = phrases([(said, marked(said, names))])
    split = tokens("Call 212-555-0142.")
    marks: list[Mark | None] = [None] * 2
    repeated(split, marks, known)
    assert masked_text("Call 212-555-0142.", marks) == "Call [PHONE_NUMBER]."


def test_what_overlaps_is_masked_as_one_and_called_by_the_surest() -> None:
    found = [Found(0, 5, "URL", 0.5), Found(3, 12, "EMAIL_ADDRESS", 1.0), Found(12, 15, "URL", 0.5)]
    assert list(clusters(found)) == [
        Found(0, 12, "EMAIL_ADDRESS", 1.0),
        Found(12, 15, "URL", 0.5),
    ]


def test_a_name_over_the_edge_of_a_window_is_one_name() -> None:
    split = [*["word"] * (WINDOW - 1), "John", "Smith", "ends"]
    assert [(first, end) for first, end, _ in groups(marked(split, names))] == [
        (WINDOW - 1, WINDOW + 1)
    ]


def test_progress_counts_every_token_once() -> None:
    counts: list[int] = []
    marked(["word"] * 2000, names, counts.append)
    assert sum(counts) == 2000


def test_masked_words_are_one_with_their_time_and_nothing_else_of_theirs() -> None:
    words = (
        Word("hi", 0, 1, 0.9, "S1"),
        Word("(John", 1, 2, 0.9, "S1", (Character("J", 1, 1.2),)),
        Word("Smith),", 2, 3, 0.9, "S1"),
    )
    assert masked_words(words, [None, NAME, NAME]) == (
        words[0],
        Word("([PERSON]),", 1, 3, speaker="S1"),
    )


def test_two_names_in_a_row_are_two() -> None:
    other = NAME._replace(number=7)
    assert masked_text("John Smith Ann", [NAME, NAME, other]) == "[PERSON] [PERSON]"
