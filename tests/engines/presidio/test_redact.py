"""A whole transcript masked: pure, with the recogniser of test_marks."""

import msgspec
import pytest

from engines.presidio.options import KINDS, PERSONAL, Options, check_language, kinds
from engines.presidio.redact import redacted
from engines.sdk.contract import InvalidInput
from streams.transcript import (
    Chapter,
    Clean,
    Notes,
    Provenance,
    Redacted,
    Segment,
    Speaker,
    Transcript,
    Word,
)
from tests.engines.presidio.test_marks import names


def said(text: str, start: float, channel: int | None = None) -> Segment:
    """A segment with a word a second."""
    words = tuple(Word(word, start + n, start + n + 1) for n, word in enumerate(text.split()))
    return Segment(start, words[-1].end, text, words, channel=channel)


def masked(*segments: Segment, wanted: tuple[str, ...] = PERSONAL, **more: object) -> Transcript:
    """What becomes of these segments."""
    whole = Transcript(duration=60, segments=segments)
    return redacted(msgspec.structs.replace(whole, **more), names, wanted)


def test_a_segment_is_masked_in_text_and_words_and_listed() -> None:
    made = masked(said("I am John Smith.", 5, channel=1))
    assert made.segments[0].text == "I am [PERSON]."
    assert made.segments[0].words[-1] == Word("[PERSON].", 7, 9)
    assert made.redactions == (Redacted("PERSON", 7, 9, 0, 0.9, 1),)


def test_a_number_over_two_segments_is_masked_in_both() -> None:
    made = masked(said("two one two five five five", 0), said("oh one four two thanks", 10))
    assert [segment.text for segment in made.segments] == [
        "[PHONE_NUMBER]",
        "[PHONE_NUMBER] thanks",
    ]
    assert [(one.start, one.end, one.segment) for one in made.redactions] == [
        (0, 6, 0),
        (10, 14, 1),
    ]


def test_channels_are_not_one_text() -> None:
    made = masked(
        said("two one two five five five", 0, channel=0),
        said("oh one four two", 6, channel=1),
    )
    assert made.redactions == ()


def test_a_text_without_words_is_masked_and_its_whole_time_is_listed() -> None:
    made = masked(Segment(3, 9, "I am John Smith."))
    assert (made.segments[0].text, made.segments[0].words) == ("I am [PERSON].", ())
    assert made.redactions == (Redacted("PERSON", 3, 9, 0, 0.9),)


def test_words_that_are_not_the_texts_are_masked_on_their_own() -> None:
    segment = msgspec.structs.replace(said("it is John here", 0), text="It's John, here")
    made = masked(segment)
    assert made.segments[0].text == "It's [PERSON], here"
    assert [word.text for word in made.segments[0].words] == ["it", "is", "[PERSON]", "here"]


def test_what_only_the_clean_text_gives_away_is_masked_in_what_was_said() -> None:
    clean = Clean("I am John.", (Word("I", 0, 1), Word("am", 1, 2), Word("John.", 2, 3)))
    made = masked(msgspec.structs.replace(said("i am jon", 0), clean=clean))
    assert made.segments[0].text == "i am [PERSON]"
    assert made.segments[0].clean == Clean(
        "I am [PERSON].", (Word("I", 0, 1), Word("am", 1, 2), Word("[PERSON].", 2, 3))
    )


def test_clean_text_without_words_is_masked_whole_where_nothing_is_found_in_it() -> None:
    segment = msgspec.structs.replace(said("I am John", 0), clean=Clean("I'm Jon."))
    clean = masked(segment).segments[0].clean
    assert clean == Clean("[PERSON].")


def test_what_is_said_without_times_is_masked_whole_where_only_clean_text_gives_it_away() -> None:
    made = masked(Segment(0, 3, "i am jon", clean=Clean("I am John.")))
    assert made.segments[0].text == "[PERSON]"


def test_notes_titles_and_warnings_are_masked() -> None:
    made = masked(
        said("I am John Smith.", 0),
        notes=Notes("Smith speaks.\nHe is glad.", ("Call John.",), (Chapter(0, "John Smith"),)),
        warnings=("kept the original of 'I am John Smith'",),
    )
    assert made.notes == Notes(
        "[PERSON] speaks.\nHe is glad.", ("Call [PERSON].",), (Chapter(0, "[PERSON]"),)
    )
    assert made.warnings == ("kept the original of 'I am [PERSON]'",)


def test_speakers_lose_their_names_in_the_list_and_where_they_are_called() -> None:
    made = masked(said("Thanks, Ann Lee!", 0), speakers=(Speaker("S1", "Ann Lee"),))
    assert made.speakers == (Speaker("S1"),)
    assert made.segments[0].text == "Thanks, [PERSON]!"


def test_names_stay_where_only_numbers_are_asked_for() -> None:
    made = masked(
        said("Thanks, Ann Lee!", 0), speakers=(Speaker("S1", "Ann Lee"),), wanted=("NUMBER",)
    )
    assert made.speakers == (Speaker("S1", "Ann Lee"),)
    assert made.segments[0].text == "Thanks, Ann Lee!"


def test_prompts_and_hotwords_do_not_stay_in_the_provenance() -> None:
    mark = Provenance(
        "transcribe", "faster_whisper", "1", 1, model="tiny.en",
        parameters={"initial_prompt": "John Smith", "hotwords": ["Ann"], "beam": 5, "task": "x"},
    )  # fmt: skip
    (kept,) = masked(said("hi", 0), provenance=(mark,)).provenance
    assert kept.parameters == {
        "initial_prompt": "[REDACTED]",
        "hotwords": "[REDACTED]",
        "beam": 5,
        "task": "x",
    }


def test_nothing_that_was_found_is_left_anywhere() -> None:
    clean = Clean("John Smith here.", (Word("John", 0, 1), Word("Smith", 1, 2)))
    segment = msgspec.structs.replace(said("um John Smith here", 0), clean=clean)
    made = masked(
        segment,
        said("call two one two five five five oh one four two", 10),
        notes=Notes("John Smith's number is 2125550142."),
        speakers=(Speaker("S1", "John Smith"),),
    )
    written = msgspec.json.encode(made).decode().lower()
    assert not [word for word in ("john", "smith", "five", "0142") if word in written]


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    assert kinds(Options()) == PERSONAL
    assert kinds(Options(kinds=["person", "PERSON"])) == ("PERSON",)
    with pytest.raises(InvalidInput, match="unknown kind SECRET; there are: PERSON, LOCATION"):
        kinds(Options(kinds=["PERSON", "SECRET"]))
    with pytest.raises(InvalidInput, match="no kinds to redact; there are"):
        kinds(Options(kinds=[]))
    assert set(PERSONAL) < set(KINDS)


def test_a_language_that_cannot_be_read_is_refused() -> None:
    hello = Segment(0, 1, "Hallo", language="de")
    with pytest.raises(InvalidInput, match="reads English only, and this transcript is in 'de'"):
        check_language(Transcript(1, (hello,), language="en"), Options())
    with pytest.raises(InvalidInput, match="does not know the language"):
        check_language(Transcript(1, (Segment(0, 1, "Hello"),)), Options())
    check_language(Transcript(1, (Segment(0, 1, "Hello"),)), Options(language="en-US"))
    check_language(Transcript(1, ()), Options())
    mark = Provenance("transcribe", "w", "1", 1, parameters={"task": "translate"})
    check_language(Transcript(1, (hello,), language="de", provenance=(mark,)), Options())
