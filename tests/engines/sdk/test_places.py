from hypothesis import given
from hypothesis import strategies as st

from engines.sdk import places
from engines.sdk.places import Place, Stretch
from streams.transcript import Character, Segment, Word

seconds = st.floats(-5, 40, allow_nan=False)
maybe = st.none() | st.builds(Place, seconds, seconds)


@given(st.lists(st.tuples(st.text(max_size=12), maybe), min_size=1, max_size=30))
def test_every_word_has_a_place_in_order_within_the_stretch(
    pairs: list[tuple[str, Place | None]],
) -> None:
    words, found = zip(*pairs, strict=True)
    complete = places.filled(words, found, Stretch(3.0, 9.5))
    assert len(complete) == len(words)
    at = 3.0
    for place in complete:
        assert at <= place.start <= place.end <= 9.5
        at = place.end


def test_a_word_that_was_not_found_gets_what_lies_between_its_neighbours() -> None:
    found = places.filled(
        ["one", "—", "two"], [Place(1.0, 1.5), None, Place(2.0, 2.5)], Stretch(0.5, 3.0)
    )
    assert found == [Place(1.0, 1.5), Place(1.5, 2.0), Place(2.0, 2.5)]


def test_nothing_known_is_shared_out_by_length() -> None:
    assert places.filled(["a", "bcd"], [None, None], Stretch(0.0, 6.0)) == [
        Place(0.0, 2.0),
        Place(2.0, 6.0),
    ]


def test_characters_stay_within_their_word() -> None:
    letters = (Character("a", -1.0, 0.4), Character("b", 0.3, 9.0))
    (word,) = places.filled(["ab"], [Place(0.1, 0.9, 0.5, letters)], Stretch(0.0, 2.0))
    assert word.characters == (Character("a", 0.1, 0.4), Character("b", 0.4, 0.9))
    assert word.probability == 0.5


def test_words_are_those_of_the_transcriber_else_of_the_text() -> None:
    given_ = Segment(0.0, 1.0, "a b", words=(Word("a b", 0.0, 1.0),))
    assert places.tokens(given_, "en") == ("a b",)
    assert places.tokens(Segment(0.0, 1.0, " Hello,  world "), "en") == ("Hello,", "world")
    assert places.tokens(Segment(0.0, 1.0, "你好 吗"), "zh") == ("你", "好", "吗")


def test_slack_does_not_reach_into_a_neighbour_but_into_another_channel() -> None:
    segments = (
        Segment(1.0, 2.0, "a", channel=0),
        Segment(2.0, 3.0, "b", channel=0),
        Segment(3.1, 4.0, "c", channel=0),
        Segment(1.5, 2.5, "d", channel=1),
    )
    assert places.stretches(segments, 4.1) == [
        (0.8, 2.0),
        (2.0, 3.1),
        (3.0, 4.1),
        (1.3, 2.7),
    ]


def test_what_the_transcriber_said_of_a_word_stands() -> None:
    heard = Segment(0.0, 1.0, "Hi", words=(Word("Hi", 0.0, 1.0, 0.9, "S1"),))
    after = places.with_places(heard, ["Hi"], [Place(0.2, 0.4, 0.3)])
    assert after.words == (Word("Hi", 0.2, 0.4, 0.9, "S1"),)
    assert (after.text, after.start, after.end) == ("Hi", 0.0, 1.0)
