from engines.llm_cleanup.align import split, timed
from streams.transcript import Word
from tests.engines.llm_cleanup.conftest import words


def spans(clean: str, said: tuple[Word, ...]) -> list[tuple[str, float, float]]:
    return [(word.text, word.start, word.end) for word in timed(clean, said)]


def test_words_keep_their_times_where_others_are_left_out() -> None:
    said = words("um so the the cat sat")
    assert spans("So the cat sat.", said) == [
        ("So", 0.25, 0.45), ("the", 0.75, 0.95), ("cat", 1.0, 1.2), ("sat.", 1.25, 1.45),
    ]  # fmt: skip


def test_a_number_spans_the_words_that_it_was_said_in() -> None:
    assert spans("25% of us", words("twenty five percent of us")) == [
        ("25%", 0.0, 0.7), ("of", 0.75, 0.95), ("us", 1.0, 1.2),
    ]  # fmt: skip


def test_words_that_grew_together_span_both_and_words_that_fell_apart_share_one() -> None:
    assert spans("everyday life", words("every day life"))[0] == ("everyday", 0.0, 0.45)
    assert [start for _, start, _ in spans("well known man", words("well-known man"))] == [
        0.0, 0.0, 0.25,
    ]  # fmt: skip


def test_a_mark_that_stands_alone_goes_with_the_word_before() -> None:
    assert spans("we \N{EM DASH} all", words("we all")) == [
        ("we \N{EM DASH}", 0.0, 0.2), ("all", 0.25, 0.45),
    ]  # fmt: skip


def test_what_is_unknown_of_a_word_stays_unknown() -> None:
    said = (Word("twenty", 0, 1, probability=0.9, speaker="A"), Word("five", 1, 2, speaker="B"))
    assert timed("25", said) == (Word("25", 0, 2),)
    same = (Word("twenty", 0, 1, 0.9, "A"), Word("five", 1, 2, 0.4, "A"))
    assert timed("25", same) == (Word("25", 0, 2, 0.4, "A"),)
    assert timed("25", ()) == ()


def test_characters_of_scripts_without_spaces_stay_in_the_words_that_were_said() -> None:
    said = (
        Word("\u3048\u30fc\u3068", 0, 1), Word("\u3053\u3093\u306b\u3061", 1, 2),
        Word("\u306f", 2, 3), Word("\u4e16\u754c", 3, 4),
    )  # fmt: skip
    clean = "\u3053\u3093\u306b\u3061\u306f\u3001\u4e16\u754c\u3002"
    assert [word.text for word in timed(clean, said, "ja")] == [
        "\u3053\u3093\u306b\u3061", "\u306f\u3001", "\u4e16\u754c\u3002",
    ]  # fmt: skip
    assert split("\u4f60\u597d ok") == ["\u4f60", "\u597d", "ok"]
