"""What holds of any merge, whatever the stages say."""

import re

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from engines.merge.join import Others, joined
from engines.merge.times import ordered
from streams.transcript import (
    Clean,
    Cleaned,
    Diarization,
    Emotion,
    Emotions,
    EmotionSpan,
    Segment,
    Transcript,
    Turn,
    Word,
)
from tests.engines.merge.test_join import MARK, prepared

seconds = st.floats(0, 12).map(lambda at: round(at, 2))
spans = st.tuples(seconds, seconds).map(lambda pair: (min(pair), max(pair)))
channels = st.sampled_from((None, 0, 1))
texts = st.sampled_from(("a", "No.", "yes?", "um", "so,", "well"))


@st.composite
def words(draw: st.DrawFn) -> tuple[Word, ...]:
    """Words in order, as engines give them."""
    times = sorted(draw(st.lists(seconds, max_size=12)))
    pairs = zip(times[::2], times[1::2], strict=False)
    return tuple(Word(draw(texts), *pair) for pair in pairs)


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """A segment with words or without, with clean text or without."""
    made = draw(words())
    start, end = (made[0].start, made[-1].end) if made else draw(spans)
    text = " ".join(word.text for word in made) or draw(texts)
    clean = draw(words())
    also = Clean(" ".join(word.text for word in clean), clean, draw(st.booleans()))
    return Segment(
        start, end, text, made, channel=draw(channels), clean=also if draw(st.booleans()) else None
    )


def distinct(found: list[Segment]) -> list[Segment]:
    """Each word known by the number in its probability."""
    made, number = [], 0
    for segment in found:
        numbered = []
        for word in segment.words:
            numbered.append(msgspec.structs.replace(word, probability=number / 1000))
            number += 1
        made.append(msgspec.structs.replace(segment, words=tuple(numbered)))
    return made


turns = st.builds(
    lambda span, who, channel: Turn(span[0], span[1], who, channel),
    spans, st.sampled_from("ABC"), channels,
)  # fmt: skip
feelings = st.builds(
    lambda span, channel: EmotionSpan(span[0], span[1], Emotion("happy"), channel), spans, channels
)


@given(
    st.lists(segments(), max_size=5).map(distinct),
    st.lists(turns, max_size=8),
    st.lists(turns, max_size=4),
    st.lists(feelings, max_size=4),
)
def test_no_word_is_lost_invented_or_moved(
    found: list[Segment],
    everyone: list[Turn],
    exclusive: list[Turn],
    felt: list[EmotionSpan],
) -> None:
    heard = Transcript(duration=12, segments=tuple(found))
    others = Others(
        diarization=Diarization(12, tuple(everyone), exclusive=tuple(exclusive)),
        emotions=Emotions(12, tuple(felt)),
        cleaned=Cleaned(12, tuple(segment.clean for segment in found)),
    )
    made = joined(prepared(10.0), heard, MARK, others)

    said = [word for segment in found for word in segment.words]
    kept = {word.probability: word for segment in made.segments for word in segment.words}
    assert sum(len(segment.words) for segment in made.segments) == len(said)
    assert {number: word.text for number, word in kept.items()} == {
        word.probability: word.text for word in said
    }
    for segment in made.segments:
        numbers = [word.probability or 0 for word in segment.words]
        assert numbers == sorted(numbers)
        if segment.words:
            assert segment.text == " ".join(word.text for word in segment.words)
        assert 0 <= segment.start <= segment.end <= 10
        assert all(segment.start <= word.start <= word.end <= segment.end for word in segment.words)
        clean = segment.clean.words if segment.clean else ()
        assert all(0 <= word.start <= word.end <= 10 for word in clean)
    assert ordered(made.segments) == made.segments

    speakers = {turn.speaker for turn in (*everyone, *exclusive)}
    named = [s.speaker for s in made.segments] + [word.speaker for word in kept.values()]
    assert set(named) - {None} <= speakers
    assert {speaker.id for speaker in made.speakers} == set(named) - {None}


@given(segments().filter(lambda one: bool(one.words and one.clean)), st.lists(turns, max_size=8))
def test_the_pieces_of_a_segment_have_all_its_clean_words_in_order(
    found: Segment, everyone: list[Turn]
) -> None:
    heard = Transcript(duration=12, segments=(found,))
    made = joined(prepared(12.0), heard, MARK, Others(diarization=Diarization(12, tuple(everyone))))
    # as they were cut: pieces are sorted by time afterwards, words keep their order
    pieces = sorted(made.segments, key=lambda one: found.words.index(_bare(one.words[0])))
    assert found.clean
    clean = [piece.clean for piece in pieces if piece.clean]
    assert [word for one in clean for word in one.words] == list(found.clean.words)
    assert re.sub(r"\s", "", "".join(one.text for one in clean)) == re.sub(
        r"\s", "", found.clean.text
    )
    assert [one.paragraph for one in clean] == [found.clean.paragraph] + [False] * (len(clean) - 1)


def _bare(word: Word) -> Word:
    return msgspec.structs.replace(word, speaker=None)
