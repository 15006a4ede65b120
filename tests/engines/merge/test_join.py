import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engines.merge.join import joined, ordered, within
from streams.events import Artifact
from streams.transcript import (
    Media,
    Prepared,
    Provenance,
    Segment,
    Speaker,
    Track,
    Transcript,
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
