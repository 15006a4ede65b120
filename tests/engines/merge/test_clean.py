"""Clean text shared out, emotions given: pure."""

from engines.merge.clean import given, shared
from engines.merge.emotion import felt
from engines.merge.speakers import split
from streams.transcript import Clean, Cleaned, Emotion, EmotionSpan, Segment, Word

WORDS = (
    Word("um", 0, 1, speaker="A"),
    Word("yes", 1, 2, speaker="A"),
    Word("uh", 2, 3, speaker="B"),
    Word("no", 3, 4, speaker="B"),
)
SAID = Segment(0, 4, "um yes uh no", WORDS)


def with_clean(text: str, *words: Word, paragraph: bool = False) -> Segment:
    """What was said, with clean text."""
    return Segment(0, 4, "um yes uh no", WORDS, clean=Clean(text, words, paragraph))


def test_clean_words_go_with_the_piece_in_whose_time_they_lie() -> None:
    first, second = split(
        with_clean("Yes. No.", Word("Yes.", 1, 2), Word("No.", 3, 4), paragraph=True)
    )
    assert first.clean == Clean("Yes.", (Word("Yes.", 1, 2),), paragraph=True)
    assert second.clean == Clean("No.", (Word("No.", 3, 4),))


def test_a_piece_of_fillers_has_an_empty_clean_text() -> None:
    first, second = split(with_clean("No.", Word("No.", 3, 4)))
    assert (first.clean, second.clean) == (Clean(""), Clean("No.", (Word("No.", 3, 4),)))


def test_clean_text_without_words_is_shared_by_length() -> None:
    assert [piece.clean for piece in split(with_clean("Yes. Noo."))] == [
        Clean("Yes."),
        Clean("Noo."),
    ]


def test_words_that_are_not_the_texts_are_kept_beside_it() -> None:
    first, second = split(with_clean("Yes. Noo.", Word("Yes.", 1, 2), Word("other", 3, 4)))
    assert first.clean == Clean("Yes.", (Word("Yes.", 1, 2),))
    assert second.clean == Clean("Noo.", (Word("other", 3, 4),))


def test_a_whole_keeps_its_clean_text() -> None:
    whole = with_clean("Yes. No.")
    assert list(shared(whole, [whole])) == [whole]


def test_each_segment_gets_its_own_and_what_is_null_stays_so() -> None:
    cleaned = Cleaned(duration=4, segments=(None, Clean("Two.")))
    (one, two), odd = given([SAID, SAID], cleaned)
    assert (one.clean, two.clean, odd) == (None, Clean("Two."), None)


def test_clean_text_of_another_transcript_is_left_out_with_a_warning() -> None:
    segments, odd = given([SAID], Cleaned(duration=4, segments=()))
    assert segments == (SAID,)
    assert odd == "clean text left out: it is of 0 segments, the transcript has 1"


GLAD, SAD = Emotion("happy", {"happy": 0.9}), Emotion("sad")


def test_a_segment_has_the_emotion_that_covers_most_of_it() -> None:
    spans = [EmotionSpan(0, 4, GLAD), EmotionSpan(4, 9, SAD)]
    made = list(felt([Segment(0, 4, "a"), Segment(3, 9, "b"), Segment(9, 9.2, "c")], spans))
    assert [segment.emotion for segment in made] == [GLAD, SAD, None]


def test_an_emotion_of_another_channel_is_not_this_ones() -> None:
    spans = [EmotionSpan(0, 4, GLAD, channel=0), EmotionSpan(0, 4, SAD, channel=1)]
    made = felt([Segment(0, 4, "a", channel=channel) for channel in (0, 1, 2)], spans)
    assert [segment.emotion for segment in made] == [GLAD, SAD, None]


def test_what_was_too_short_to_judge_has_no_emotion_of_its_neighbour() -> None:
    (made,) = felt([Segment(3.9, 4.4, "a")], [EmotionSpan(0, 4, GLAD)])
    assert made.emotion is None
