"""Names and edits laid over what was heard: pure."""

from itertools import count, pairwise

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.editing import edited
from streams.transcript import Character, Clean, Redacted, Segment, Speaker, Transcript, Word

WORDS = ("ask", "not", "what", "Your", "country,", "do.", "你", "好", "—")
TEXTS = st.lists(st.sampled_from(WORDS), max_size=12)
STEPS = st.sampled_from([0.0, 0.1, 0.25, 1.0])


@st.composite
def segments(draw: st.DrawFn, start: float) -> Segment:
    """What an engine gives: words in order, in their segment, with and without gaps."""
    words, at = [], start + draw(STEPS)
    for text in draw(TEXTS):
        end = at + draw(STEPS)
        words.append(Word(text, at, end, probability=0.5, speaker=draw(st.sampled_from("ab"))))
        at = end + draw(STEPS)
    text = draw(st.sampled_from(["", " "])).join(word.text for word in words)
    return Segment(start=start, end=at, text=text, words=tuple(words), average_logprob=-0.2)


@st.composite
def transcripts(draw: st.DrawFn) -> Transcript:
    """Some segments one after the other."""
    made: list[Segment] = []
    for _ in range(draw(st.integers(1, 4))):
        made.append(draw(segments(made[-1].end if made else 0.0)))
    return Transcript(
        duration=made[-1].end, segments=tuple(made), speakers=(Speaker("a"), Speaker("b"))
    )


@given(transcripts(), st.dictionaries(st.integers(0, 5).map(str), TEXTS.map(" ".join)))
def test_words_stay_in_order_inside_their_segment_and_nothing_else_changes(
    heard: Transcript, edits: dict[str, str]
) -> None:
    after = edited(heard, {}, edits)
    assert replace(after, segments=heard.segments) == heard
    for number, (old, new) in enumerate(zip(heard.segments, after.segments, strict=True)):
        if str(number) not in edits or edits[str(number)] == " ".join(old.text.split()):
            assert new == old
            continue
        assert new.text == edits[str(number)]
        assert (new.start, new.end, new.edited) == (old.start, old.end, True)
        if old.words:
            assert "".join(word.text for word in new.words) == "".join(new.text.split())
        times = [new.start, *(t for word in new.words for t in (word.start, word.end)), new.end]
        assert all(a <= b for a, b in pairwise(times)), "a time turns round"
        for word in new.words:
            assert word in old.words or word.probability is None


@given(transcripts(), TEXTS.map(" ".join))
def test_what_is_put_back_is_the_original(heard: Transcript, text: str) -> None:
    number = "0"
    assert edited(heard, {}, {number: heard.segments[0].text}) == heard
    assert edited(heard, {"a": "Ann"}, {number: text}) == edited(
        edited(heard, {"a": "Ann"}, {}), {}, {number: text}
    )
    assert edited(heard, {}, {}) is heard


def said(text: str, *, start: float = 0.0, speaker: str = "s1") -> Segment:
    """A word a second, each followed by a gap of a tenth."""
    words = tuple(
        Word(one, at, at + 0.9, 0.8, speaker, (Character(one[0], at, at + 0.1),))
        for at, one in zip(count(start), text.split())
    )
    return Segment(start, start + len(words), text, words, speaker)


def test_words_that_stay_keep_their_times_and_the_others_take_those_of_what_they_replace() -> None:
    heard = Transcript(duration=9.0, segments=(said("we met miss terry land here today"),))
    words = edited(heard, {}, {"0": "We met Mr Sunderland here just today"}).segments[0].words
    assert [(w.text, round(w.start, 2), round(w.end, 2), w.probability) for w in words] == [
        ("We", 0.0, 0.9, None),  # spelled by a person
        ("met", 1.0, 1.9, 0.8),
        ("Mr", 2.0, 2.48, None),  # three words' time, by length
        ("Sunderland", 2.48, 4.9, None),
        ("here", 5.0, 5.9, 0.8),
        ("just", 5.9, 6.0, None),  # the gap
        ("today", 6.0, 6.9, 0.8),
    ]
    assert words[1] == heard.segments[0].words[1], "its characters stay as well"
    assert words[2].characters == ()
    assert {word.speaker for word in words} == {"s1"}


def test_a_script_without_blanks_is_cut_as_the_engine_cut_it() -> None:
    texts = ("我们", "今天", "去", "公园")
    words = tuple(Word(text, float(n), n + 1.0, 0.9) for n, text in enumerate(texts))
    heard = Transcript(4.0, (Segment(0.0, 4.0, "我们今天去公园", words),), language="zh")
    new = edited(heard, {}, {"0": "我们明天去公园"}).segments[0].words
    assert [(w.text, w.start, w.end) for w in new] == [
        ("我们", 0.0, 1.0), ("明", 1.0, 1.5), ("天", 1.5, 2.0), ("去", 2.0, 3.0), ("公园", 3.0, 4.0)
    ]  # fmt: skip


def test_clean_text_follows_an_edit_and_what_was_masked_stays_named() -> None:
    masked = (Redacted("person", 0.0, 0.9, segment=0),)
    clean = Clean("Ask not.", (Word("Ask", 0.0, 0.9),), paragraph=True)
    one = replace(said("ask um not"), clean=clean)
    heard = Transcript(9.0, (one, one), redactions=masked)
    first, second = edited(heard, {}, {"0": "Ask what"}).segments
    assert first.clean == Clean("Ask what", first.words, paragraph=True)
    assert second == one
    assert edited(heard, {}, {"0": "x"}).redactions == masked
    plain = edited(Transcript(9.0, (said("a b"),)), {}, {"0": "c"})
    assert plain.segments[0].clean is None


def test_a_segment_without_words_gets_none_and_an_empty_text_leaves_none() -> None:
    heard = Transcript(9.0, (Segment(0.0, 9.0, " all of it "), said("well well")))
    none, empty = edited(heard, {}, {"0": "all of this", "1": "  "}).segments
    assert (none.text, none.words) == ("all of this", ())
    assert (empty.text, empty.words, empty.end) == ("", (), 2.0)


def test_a_speaker_has_the_name_that_people_gave_and_an_unknown_one_is_passed_over() -> None:
    heard = Transcript(
        9.0, (said("hello there"),), speakers=(Speaker("s1", "channel 1"), Speaker("s2"))
    )
    after = edited(heard, {"s1": "Ann", "s9": "Nobody"}, {"7": "nowhere"})
    assert after.speakers == (Speaker("s1", "Ann"), Speaker("s2"))
    assert after.segments == heard.segments
