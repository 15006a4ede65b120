import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engines.merge.join import Others, joined
from engines.merge.times import ordered, within
from streams.events import Artifact
from streams.transcript import (
    Chapter,
    Cleaned,
    Diarization,
    LanguageFound,
    Media,
    Notes,
    Prepared,
    Provenance,
    Segment,
    Speaker,
    Track,
    Transcript,
    Turn,
    Word,
)

MARK = Provenance("merge", "merge", "0.1.0", 1)


def prepared(duration: float = 10.0, *warnings: str) -> Prepared:
    return Prepared(
        media=Media("wav", "pcm_s16le", 8_000, 2, duration),
        duration=duration,
        tracks=(Track(Artifact("s3://a/b", "0", 1), None, -6.0, silent=False),),
        warnings=warnings,
        provenance=(Provenance("prepare", "audio_prepare", "0.1.0", 1),),
    )


def heard(*segments: Segment, **more: object) -> Transcript:
    base = Transcript(
        duration=9.9,
        segments=segments,
        provenance=(Provenance("transcribe", "faster_whisper", "0.1.0", 2, model="tiny.en"),),
    )
    return msgspec.structs.replace(base, **more)


def test_segments_come_by_time_and_channel() -> None:
    late, right, left = (
        Segment(5, 6, "c", channel=0),
        Segment(1, 2, "b", channel=1),
        Segment(1, 2, "a", channel=0),
    )
    assert joined(prepared(), heard(late, right, left), MARK).text == "a b c"


def test_segments_that_say_nothing_are_left_out() -> None:
    assert ordered([Segment(0, 1, "  ")]) == ()


def test_the_duration_is_that_of_the_decoded_audio() -> None:
    assert joined(prepared(12.5), heard(), MARK).duration == 12.5


def test_warnings_of_all_stages_are_kept_once() -> None:
    transcript = joined(
        prepared(10, "the audio is silent", "cut off"), heard(warnings=("cut off", "odd")), MARK
    )
    assert transcript.warnings == ("the audio is silent", "cut off", "odd")


def test_every_stage_is_in_the_provenance_in_order() -> None:
    made = joined(prepared(), heard(), MARK).provenance
    assert [(one.stage, one.token) for one in made] == [
        ("prepare", 1),
        ("transcribe", 2),
        ("merge", 1),
    ]


def test_what_nobody_said_stays_unsaid() -> None:
    transcript = joined(prepared(), heard(Segment(0, 1, "a")), MARK)
    assert transcript.language is None
    assert transcript.language_probability is None
    assert transcript.speakers == ()
    assert transcript.segments[0] == Segment(0, 1, "a")


def test_speakers_of_segments_and_words_are_listed_with_the_names_that_are_known() -> None:
    segments = (
        Segment(0, 2, "a b", words=(Word("a", 0, 1, speaker="B"), Word("b", 1, 2, speaker="C"))),
        Segment(2, 3, "c", speaker="A"),
    )
    named = (Speaker("A", "Ann"),)
    assert joined(prepared(), heard(*segments, speakers=named), MARK).speakers == (
        Speaker("A", "Ann"),
        Speaker("B"),
        Speaker("C"),
    )


def test_a_last_word_in_the_padding_ends_with_the_audio() -> None:
    segment = Segment(9, 10.4, "end", words=(Word("end", 9.5, 10.4),))
    assert within(segment, 10) == Segment(9, 10, "end", words=(Word("end", 9.5, 10),))


@given(
    st.floats(0, 100),
    st.floats(-10, 110),
    st.floats(-10, 110),
    st.lists(st.tuples(st.floats(-10, 110), st.floats(-10, 110)), max_size=5),
)
def test_times_are_in_the_audio_and_a_segment_is_around_its_words(
    duration: float, start: float, end: float, times: list[tuple[float, float]]
) -> None:
    words = tuple(Word("a", *pair) for pair in times)
    segment = within(Segment(start, end, "a", words=words), duration)
    assert 0 <= segment.start <= segment.end <= duration
    assert all(segment.start <= w.start <= w.end <= segment.end for w in segment.words)


def test_the_aligned_words_are_joined_and_every_stage_is_marked_once() -> None:
    transcribed = heard(Segment(0, 1, "a"), warnings=("slow",), language="en")
    mark = Provenance("align", "whisperx", "0.1.0", 3)
    aligned = msgspec.structs.replace(
        heard(Segment(0, 1, "a", (Word("a", 0.1, 0.9),)), warnings=("slow", "one word guessed")),
        provenance=(*transcribed.provenance, mark),
    )
    found = Diarization(
        9.9, (Turn(0, 2, "S1"),), (Speaker("S1"), Speaker("S2", "Bo")),
        provenance=(Provenance("diarize", "pyannote", "0.1.0", 4),),
    )  # fmt: skip
    others = Others(transcribed=transcribed, diarization=found)
    made = joined(prepared(), aligned, MARK, others)
    assert [one.stage for one in made.provenance] == [
        "prepare", "transcribe", "align", "diarize", "merge",
    ]  # fmt: skip
    assert made.warnings == ("slow", "one word guessed")
    assert made.language == "en"
    assert made.segments[0].words == (Word("a", 0.1, 0.9, speaker="S1"),)
    assert made.speakers == (Speaker("S1"), Speaker("S2", "Bo"))


def test_the_language_stage_is_asked_where_the_transcriber_says_nothing() -> None:
    found = Others(language=LanguageFound(9.9, "de", 0.9))
    silent, same = joined(prepared(), heard(), MARK, found), heard(language="de")
    assert (silent.language, silent.language_probability) == ("de", 0.9)
    assert joined(prepared(), same, MARK, found).language_probability == 0.9
    other = joined(prepared(), heard(language="en"), MARK, found)
    assert (other.language, other.language_probability) == ("en", None)


def test_notes_are_taken_over_with_their_chapters_within_the_audio() -> None:
    notes = Notes("All.", ("Do it.",), (Chapter(12, "End"), Chapter(0, "Begin")))
    others = Others(cleaned=Cleaned(9.9, (), notes=notes))
    assert joined(prepared(), heard(), MARK, others).notes == Notes(
        "All.", ("Do it.",), (Chapter(0, "Begin"), Chapter(10, "End"))
    )


def test_overlapping_speech_is_kept_and_silent_turns_are_not_made_into_text() -> None:
    first = Segment(0, 4, "a", (Word("a", 0, 4),), channel=0)
    second = Segment(1, 3, "b", (Word("b", 1, 3),), channel=1)
    turns = (Turn(0, 4, "A", 0), Turn(1, 3, "B", 1), Turn(5, 9, "C", 1))
    made = joined(prepared(), heard(first, second), MARK, Others(diarization=Diarization(9, turns)))
    assert [(one.speaker, one.start, one.end) for one in made.segments] == [
        ("A", 0, 4),
        ("B", 1, 3),
    ]
