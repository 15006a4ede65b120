"""Turns → speakers of words and segments: pure."""

from engines.merge.speakers import assigned, changes, split
from engines.merge.turns import Turns
from streams.transcript import Diarization, Segment, Turn, Word


def said(*words: tuple[str, float, float], channel: int | None = None) -> Segment:
    """A segment of these words."""
    made = tuple(Word(*word) for word in words)
    text = " ".join(word.text for word in made)
    return Segment(made[0].start, made[-1].end, text, made, channel=channel)


def told(segment: Segment, *turns: Turn, exclusive: tuple[Turn, ...] = ()) -> list[Segment]:
    """The pieces of one segment after these turns."""
    found = Diarization(duration=100, turns=turns, exclusive=exclusive)
    return [piece for one in assigned([segment], found) for piece in split(one)]


def lines(pieces: list[Segment]) -> list[tuple[str | None, str]]:
    """Who says what."""
    return [(piece.speaker, piece.text) for piece in pieces]


A, B = Turn(0, 5, "A"), Turn(5, 10, "B")


def test_a_segment_is_cut_where_the_speaker_changes() -> None:
    pieces = told(said(("Yes?", 4, 4.8), ("No.", 5.2, 6), ("Why?", 6.1, 6.5)), A, B)
    assert lines(pieces) == [("A", "Yes?"), ("B", "No. Why?")]
    assert [(piece.start, piece.end) for piece in pieces] == [(4, 4.8), (5.2, 6.5)]
    assert [word.speaker for piece in pieces for word in piece.words] == ["A", "B", "B"]


def test_exclusive_turns_decide_where_two_speak_at_once() -> None:
    both = (Turn(0, 6, "A"), Turn(1, 3, "B"))
    segment = said(("one", 0, 1), ("two", 1.2, 2), ("three", 2.1, 2.9), ("four", 4, 5))
    exclusive = (Turn(0, 1, "A"), Turn(1, 3, "B"), Turn(3, 6, "A"))
    assert lines(told(segment, *both)) == [("A", "one two three four")]
    assert lines(told(segment, *both, exclusive=exclusive)) == [
        ("A", "one"),
        ("B", "two three"),
        ("A", "four"),
    ]


def test_a_word_near_a_turn_is_that_speakers_and_a_far_one_is_nobodys() -> None:
    (near,) = told(said(("so", 10.2, 10.4)), B)
    (far,) = told(said(("so", 10.6, 10.8)), B)
    assert (near.speaker, near.words[0].speaker) == ("B", "B")
    assert (far.speaker, far.words[0].speaker) == (None, None)


def test_a_word_of_nobody_cuts_nothing_and_stays_unknown() -> None:
    (piece,) = told(said(("one", 1, 2), ("two", 7, 8), ("three", 12, 13)), A, Turn(12, 14, "A"))
    assert piece.speaker == "A"
    assert [word.speaker for word in piece.words] == ["A", None, "A"]


def test_only_turns_of_the_same_channel_count() -> None:
    turns = (Turn(0, 5, "L", channel=0), Turn(0, 5, "R", channel=1))
    assert told(said(("a", 1, 2), channel=1), *turns)[0].speaker == "R"
    assert told(said(("a", 1, 2), channel=2), *turns)[0].speaker is None


def test_the_last_word_of_a_sentence_stays_with_it_when_the_turn_ends_a_moment_early() -> None:
    segment = said(
        ("How", 4, 4.3), ("are", 4.4, 4.8), ("you?", 5.05, 5.3), ("Fine.", 5.5, 6), ("And", 6.1, 7)
    )
    assert lines(told(segment, A, B)) == [("A", "How are you?"), ("B", "Fine. And")]


def test_the_first_word_of_an_answer_goes_with_it_when_the_turn_begins_a_moment_late() -> None:
    segment = said(("How", 4, 4.3), ("so?", 4.4, 4.6), ("Well,", 4.7, 4.95), ("fine.", 5.2, 6))
    assert lines(told(segment, A, B)) == [("A", "How so?"), ("B", "Well, fine.")]


def test_a_sentence_of_one_word_is_nobody_elses() -> None:
    segment = said(("Really", 4, 4.3), ("so?", 4.4, 4.9), ("Yes.", 5.1, 5.4), ("Good.", 5.6, 6))
    turns = (A, Turn(5, 5.5, "B"), Turn(5.5, 9, "A"))
    assert lines(told(segment, *turns)) == [("A", "Really so?"), ("B", "Yes."), ("A", "Good.")]


def test_a_lone_word_in_a_flicker_of_a_turn_is_not_split_off() -> None:
    segment = said(("one", 1, 1.4), ("two", 1.5, 1.7), ("three", 1.8, 2.4))
    flicker = (Turn(0, 1.5, "A"), Turn(1.5, 1.7, "B"), Turn(1.7, 5, "A"))
    assert lines(told(segment, *flicker)) == [("A", "one two three")]


def test_a_lone_word_that_somebody_else_really_says_is_split_off() -> None:
    segment = said(("one", 1, 1.4), ("yes", 1.5, 2.1), ("three", 2.2, 2.6))
    turns = (Turn(0, 1.45, "A"), Turn(1.45, 2.15, "B"), Turn(2.15, 5, "A"))
    assert [speaker for speaker, _ in lines(told(segment, *turns))] == ["A", "B", "A"]


def test_a_segment_without_words_has_the_longest_speaker() -> None:
    assert told(Segment(3, 9, "all of it"), A, B)[0].speaker == "B"
    assert told(Segment(20, 21, "all of it"), A, B)[0].speaker is None


def test_speakers_that_an_engine_gave_with_its_words_cut_too() -> None:
    words = (Word("Yes?", 0, 1, speaker="A"), Word("No.", 1, 2, speaker="B"))
    assert lines(list(split(Segment(0, 2, "Yes? No.", words)))) == [("A", "Yes?"), ("B", "No.")]


def test_a_text_that_says_more_than_its_words_stays_whole() -> None:
    words = (Word("Yes?", 0, 1, speaker="A"), Word("No.", 1, 3, speaker="B"))
    (piece,) = split(Segment(0, 2, "Yes? Or else No.", words))
    assert (piece.text, piece.speaker) == ("Yes? Or else No.", "B")


def test_a_script_without_blanks_is_cut_between_its_words() -> None:
    words = tuple(
        Word(sign, at, at + 1.0, speaker="A" if at < 2 else "B")
        for at, sign in enumerate("你好我们")
    )
    assert lines(list(split(Segment(0, 4, "你好，我们。", words)))) == [  # noqa: RUF001
        ("A", "你好，"),  # noqa: RUF001
        ("B", "我们。"),
    ]


def test_changes_pass_over_what_nobody_says() -> None:
    assert changes(["A", None, "A", "B", None, "B", "A"]) == [0, 3, 6]
    assert changes([None, None]) == [0]
    assert changes([None, "B"]) == [0]


def test_a_long_turn_behind_short_ones_is_still_found() -> None:
    turns = Turns([Turn(0, 50, "A"), *(Turn(at, at + 0.1, "B") for at in range(1, 40))])
    assert turns.shares(45, 46, None) == {"A": 1}
    assert turns.nearest(50.4, 51, None) == "A"
    assert turns.nearest(50.6, 51, None) is None
