"""Transcripts as text and as subtitles: pure."""

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streams.transcript import Clean, Segment, Speaker, Transcript, Word
from web.cues import LINES, LONGEST_S, WIDTH, cues
from web.formats import render

SPEECH = (
    "And so, my fellow Americans, ask not what your country can do for you, "
    "ask what you can do for your country. My fellow citizens of the world: ask not what America "
    "will do for you, but what together we can do for the freedom of man."
)


def spoken(text: str, *, start: float = 0.0, pace: float = 0.3) -> Segment:
    """A segment whose words follow each other."""
    words = tuple(
        Word(word, start + n * pace, start + n * pace + pace * 0.9)
        for n, word in enumerate(text.split())
    )
    return Segment(start=start, end=words[-1].end, text=text, words=words)


def transcript(*segments: Segment, speakers: tuple[Speaker, ...] = ()) -> Transcript:
    """A transcript of these segments."""
    end = segments[-1].end if segments else 0.0
    return Transcript(duration=end + 1, segments=segments, speakers=speakers)


def test_long_speech_is_cut_into_cues_that_can_be_read() -> None:
    made = cues(transcript(spoken(SPEECH)))
    assert [" ".join(cue.lines) for cue in made] == [
        "And so, my fellow Americans, ask not what your country can do for you,",
        "ask what you can do for your country.",
        "My fellow citizens of the world: ask not what America will do for you,",
        "but what together we can do for the freedom of man.",
    ]
    assert made[0].lines == (
        "And so, my fellow Americans, ask not",
        "what your country can do for you,",
    )


def test_a_cue_takes_its_times_from_its_words() -> None:
    (first, second) = cues(transcript(spoken("Hello there.", start=1.5), spoken("Yes.", start=9)))
    assert (first.start, round(first.end, 3)) == (1.5, 2.2)
    assert (second.start, round(second.end, 3)) == (9, 9.7)


def test_a_silence_ends_a_cue() -> None:
    words = (Word("One", 0, 0.5), Word("two", 0.6, 1.0), Word("three", 4.0, 4.5))
    made = cues(transcript(Segment(0, 4.5, "One two three", words)))
    assert [cue.lines for cue in made] == [("One two",), ("three",)]


def test_speakers_share_no_cue_and_are_named() -> None:
    words = (Word("Yes?", 0, 0.5, speaker="A"), Word("No.", 0.6, 1.0, speaker="B"))
    talk = transcript(
        Segment(0, 1, "Yes? No.", words), speakers=(Speaker("A", "Ann & Co"), Speaker("B"))
    )
    assert "<v Ann &amp; Co>Yes?" in render(talk, "vtt").decode()
    assert "B: No." in render(talk, "srt").decode()


def test_segments_without_words_share_their_time_by_length() -> None:
    made = cues(transcript(Segment(0, 6, "One two three four five six seven eight nine ten " * 2)))
    assert made[0].start == 0
    assert all(cue.end - cue.start <= LONGEST_S for cue in made)


def test_vtt_escapes_what_would_be_markup_or_a_time() -> None:
    text = render(transcript(spoken("<script> & 00:01 --> 00:02 </v>")), "vtt").decode()
    assert text.startswith("WEBVTT\n\n")
    assert "&lt;script&gt; &amp; 00:01 --&gt; 00:02 &lt;/v&gt;" in text
    assert "<" not in text.partition("-->")[2].replace("-->", "")


def test_srt_numbers_its_cues_and_has_no_second_arrow() -> None:
    text = render(transcript(spoken("a --> b"), spoken("c", start=3661.5)), "srt").decode()
    assert text == (
        "1\n00:00:00,000 --> 00:00:00,870\na → b\n\n2\n01:01:01,500 --> 01:01:02,200\nc\n"
    )


def test_text_joins_what_one_speaker_says() -> None:
    talk = transcript(
        Segment(0, 1, " Hi. ", speaker="A"), Segment(1, 2, "There.", speaker="A"),
        Segment(2, 3, "Yes.", speaker="B"), Segment(3, 4, "  ", speaker="A"),
        speakers=(Speaker("A", "Ann"),),
    )  # fmt: skip
    assert render(talk, "txt").decode() == "Ann: Hi. There.\nB: Yes.\n"
    assert render(transcript(spoken("One.", start=0), spoken("Two.", start=3)), "txt") == (
        b"One.\nTwo.\n"
    )


def test_words_of_nobody_are_shown_with_the_speaker_of_their_segment() -> None:
    words = (Word("Yes", 0, 0.5, speaker="A"), Word("of", 0.6, 0.8), Word("course", 0.9, 1.2))
    talk = transcript(Segment(0, 1.2, "Yes of course", words, speaker="A"))
    assert render(talk, "srt").decode().endswith("\nA: Yes of course\n")


CLEANED = transcript(
    Segment(0, 2, "um hi", (Word("um", 0, 1), Word("hi", 1, 2)), speaker="A",
            clean=Clean("Hi.", (Word("Hi.", 1, 2),), paragraph=True)),
    Segment(2, 3, "uh", (Word("uh", 2, 3),), speaker="A", clean=Clean("")),
    Segment(3, 4, "well", (Word("well", 3, 4),), speaker="A"),
    Segment(4, 6, "so then", speaker="A", clean=Clean("So then.", paragraph=True)),
    Segment(6, 7, "yes", speaker="B", clean=Clean("Yes.")),
)  # fmt: skip


def test_clean_text_stands_in_the_place_of_what_was_said_when_asked_for() -> None:
    assert render(CLEANED, "txt").decode() == "A: um hi uh well so then\nB: yes\n"
    assert render(CLEANED, "txt", "clean").decode() == "A: Hi. well\nSo then.\nB: Yes.\n"
    vtt = render(CLEANED, "vtt", "clean").decode()
    assert "00:00:01.000 --> 00:00:02.000\n<v A>Hi.\n" in vtt
    assert "um" not in vtt
    assert "<v A>well\n" in vtt
    assert "um hi" in render(CLEANED, "srt").decode()


def test_json_has_both_texts_whichever_is_asked_for() -> None:
    assert render(CLEANED, "json", "clean") == render(CLEANED, "json")
    assert b'"text":"um hi"' in render(CLEANED, "json", "clean")


def test_clean_paragraphs_are_kept_where_no_speaker_is_known() -> None:
    talk = transcript(
        Segment(0, 1, "one", clean=Clean("One.", paragraph=True)),
        Segment(1, 2, "two", clean=Clean("Two.")),
        Segment(2, 3, "three", clean=Clean("Three.", paragraph=True)),
    )
    assert render(talk, "txt", "clean") == b"One. Two.\nThree.\n"
    assert render(talk, "txt") == b"one\ntwo\nthree\n"


def test_an_empty_transcript_is_a_document_all_the_same() -> None:
    silent = Transcript(duration=60, segments=())
    assert [render(silent, form) for form in ("txt", "srt", "vtt")] == [b"", b"", b"WEBVTT\n"]
    assert b'"duration":60' in render(silent, "json")


def test_scripts_without_blanks_are_not_torn_apart_by_blanks() -> None:
    words = tuple(
        Word(sign, n * 0.2, n * 0.2 + 0.2) for n, sign in enumerate("今天天气很好我们去公园")
    )
    talk = Transcript(
        duration=3, language="zh", segments=(Segment(0, 3, "今天天气很好我们去公园", words),)
    )
    assert [cue.lines for cue in cues(talk)] == [("今天天气很好我们去公园",)]


word = st.builds(
    lambda text, pause, length: (text, pause, length),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Z")), max_size=60),
    st.floats(0, 3),
    st.floats(0, 3),
)


@given(st.lists(word, max_size=60))
def test_any_words_make_cues_in_bounds_and_lose_nothing(
    parts: list[tuple[str, float, float]],
) -> None:
    at, words = 0.0, []
    for text, pause, length in parts:
        words.append(Word(text, at + pause, at + pause + length))
        at += pause + length
    made = cues(transcript(Segment(0, at, "", tuple(words))))
    assert re.sub(r"\s", "", "".join("".join(cue.lines) for cue in made)) == re.sub(
        r"\s", "", "".join(word.text for word in words)
    )
    for cue, following in pairwise(made):
        assert cue.start <= cue.end <= max(following.start, cue.start + LONGEST_S)
    assert all(len(cue.lines) <= LINES for cue in made)
    assert all(len(line) <= WIDTH for cue in made for line in cue.lines)
