"""Corrections brought over to another transcript of the same audio: pure."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.carrying import carried, matched
from streams.editing import edited
from streams.transcript import Segment, Transcript, Word
from tests.streams.test_editing import TEXTS, transcripts


def said(*texts: str, late: float = 0.0, words: bool = True) -> Transcript:
    """Segments one after the other, a word each second."""
    made: list[Segment] = []
    for text in texts:
        start = made[-1].end if made else 0.0
        timed = [
            Word(t, start + n + late, start + n + 0.9 + late) for n, t in enumerate(text.split())
        ]
        made.append(Segment(start, start + len(timed), text, tuple(timed) if words else ()))
    return Transcript(made[-1].end, tuple(made))


OLD = said("we met miss terry land here", "she is um very well today")
EDITS = {"0": "We met Mr Sunderland here", "1": "she is very well indeed today"}


def test_a_correction_goes_where_its_words_were_heard_again() -> None:
    assert carried(OLD, said(*(s.text for s in OLD.segments), late=0.3), EDITS) == (
        {0: "We met Mr Sunderland here", 1: "she is very well indeed today"},
        {0: {0}, 1: {1}},
        0,
    )


def test_another_cut_of_segments_gets_the_words_at_their_places() -> None:
    one = said("we met miss terry land here she is um very well today")
    text = "We met Mr Sunderland here she is very well indeed today"
    assert carried(OLD, one, EDITS) == ({0: text}, {0: {0, 1}}, 0)
    three = said("we met miss terry", "land here she is um", "very well today")
    assert carried(OLD, three, EDITS).edits == {
        0: "We met Mr Sunderland", 1: "here she is", 2: "very well indeed today"
    }  # fmt: skip
    wordless = said("we met miss terry land here she is um very well today", words=False)
    assert carried(OLD, wordless, EDITS).edits == {0: text}


def test_what_is_right_by_now_needs_nothing() -> None:
    right = edited(OLD, {}, EDITS)
    assert carried(OLD, right, EDITS) == ({}, {}, 0)
    spelled = edited(OLD, {}, EDITS | {"0": "we met Mr sunderland, here"})
    assert carried(OLD, spelled, EDITS) == ({0: "We met Mr Sunderland here"}, {0: {0}}, 0)


def test_what_was_heard_otherwise_is_dropped_and_counted() -> None:
    new = said("we met the cemetery people here", "she is um very well today")
    assert carried(OLD, new, EDITS) == (
        {0: "We met the cemetery people here", 1: "she is very well indeed today"},
        {0: {0}, 1: {1}},
        1,
    )
    assert carried(OLD, said("nothing of this was said"), EDITS).edits == {}


def test_the_same_words_at_another_time_are_others() -> None:
    old = said("yes yes", "no no no no no no", "yes yes")
    new = said("yes yes", "no no no no no no", "yes yes")
    assert carried(old, new, {"2": "yes please"}).edits == {2: "yes please"}
    assert carried(old, said("yes yes"), {"2": "yes please"}) == ({}, {}, 1)


def test_channels_are_not_mixed_up() -> None:
    def on(transcript: Transcript, channel: int) -> Transcript:
        changed = tuple(replace(one, channel=channel) for one in transcript.segments)
        return replace(transcript, segments=changed)

    old = on(said("hello there"), 1)
    assert carried(old, on(said("hello there"), 1), {"0": "hello Theo"}).edits == {0: "hello Theo"}
    assert carried(old, on(said("hello there"), 0), {"0": "hello Theo"}) == ({}, {}, 1)


@given(transcripts(), st.dictionaries(st.integers(0, 5).map(str), TEXTS.map(" ".join)))
def test_brought_over_to_itself_a_transcript_reads_as_before_or_says_what_was_dropped(
    heard: Transcript, edits: dict[str, str]
) -> None:
    found = carried(heard, heard, edits)
    assert set(found.edits) == set(found.origins) <= set(range(len(heard.segments)))
    edited(heard, {}, {str(n): text for n, text in found.edits.items()})


def talk(*turns: tuple[str, float, float]) -> Transcript:
    segments = tuple(Segment(start, end, "la", speaker=who) for who, start, end in turns)
    return Transcript(turns[-1][2], segments)


def test_a_speaker_is_who_talks_at_the_same_times() -> None:
    old = talk(("s1", 0, 10), ("s2", 10, 16), ("s1", 16, 20))
    assert matched(old, talk(("b", 0.2, 9.8), ("a", 10.1, 16), ("b", 16.1, 20))) == {
        "s1": "b", "s2": "a"
    }  # fmt: skip
    split = talk(("x", 0, 10), ("a", 10, 16), ("y", 16, 20))
    assert matched(old, split) == {"s1": "x", "s2": "a"}, "the larger part of one that was split"
    assert matched(old, talk(("all", 0, 20))) == {"s1": "all"}, "most of what that one says"
    assert matched(talk(("s1", 0, 10), ("s2", 10, 20)), talk(("all", 0, 20))) == {}
    assert matched(old, talk(("z", 40, 50))) == {}
    thirds = talk(("x", 0, 4), ("y", 4, 8), ("z", 8, 10), ("a", 10, 16), ("z", 16, 20))
    assert "s1" not in matched(old, thirds)
