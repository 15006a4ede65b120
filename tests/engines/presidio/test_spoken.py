"""Numbers and addresses as they are said: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.presidio.spoken import NUMBERS, written


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("call two one two five five five oh one four two now", "call 2125550142 now"),
        ("Four one five, five five five, zero one four two.", "4155550142"),
        ("twenty one twelve double five oh", "2112550"),
        ("one eight hundred five five five", "1800555"),
        ("2 1 2 5 5 5", "212555"),
        ("two-one-two", "212"),
        ("five five uh five yeah one two", "55512"),
        ("212-555-0142", "212-555-0142"),
        ("4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("GB82 WEST 1234", "GB82 WEST 1234"),
        ("one or two people", "one or two people"),
        ("twenty five years", "twenty five years"),
        ("hundred and one", "hundred and one"),
        ("ten dot zero dot zero dot one", "10.0.0.1"),
        ("john dot smith at example dot com", "john.smith@example.com"),
        ("john underscore s at my dash site dot co dot uk", "john_s@my-site.co.uk"),
        ("see example dot com there", "see example.com there"),
        ("at home on the dot", "at home on the dot"),
    ],
)
def test_what_is_said_is_written(said: str, expected: str) -> None:
    assert written(said.split()).text.strip() == expected


spoken = st.sampled_from(
    (*sorted(NUMBERS), "at", "dot", "uh", "john", "Smith,", "212", "5", "com", "dash", "GB82")
)


@given(st.lists(spoken, max_size=30))
def test_each_character_belongs_to_a_token_and_no_word_but_fillers_goes(said: list[str]) -> None:
    text, owners = written(said)
    assert len(text) == len(owners)
    known = [owner for owner in owners if owner is not None]
    assert known == sorted(known)
    gone = {said[at] for at in set(range(len(said))) - set(known)}
    assert gone <= {"uh", "dash", "hundred", "double", "triple", "treble", "dot"}
