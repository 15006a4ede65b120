from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.faster_whisper import shapes
from streams.transcript import Segment


@dataclass
class HeardWord:
    word: str
    start: float
    end: float
    probability: float = 0.9


@dataclass
class Heard:
    words: Sequence[shapes.HeardWord] | None = field(default_factory=tuple)
    avg_logprob: float = -0.2
    no_speech_prob: float = 0.01
    compression_ratio: float = 1.5


def heard(*words: HeardWord) -> Heard:
    return Heard(words)


def cut(*words: HeardWord, keep_words: bool = True) -> list[Segment]:
    found = heard(*words)
    spoken = shapes.spoken(found, 0.0, 0.0, 100.0)
    return list(shapes.segments(found, spoken, channel=None, keep_words=keep_words))


def test_words_lose_their_white_space_and_get_the_times_of_the_audio() -> None:
    found = heard(HeardWord(" Good", 0.5, 0.8), HeardWord(" day.", 0.8, 1.2))
    words = [item.word for item in shapes.spoken(found, 60.0, 60.0, 90.0)]
    assert [(word.text, word.start, word.end) for word in words] == [
        ("Good", 60.5, 60.8),
        ("day.", 60.8, 61.2),
    ]


def test_a_word_that_is_only_space_is_none() -> None:
    assert shapes.spoken(heard(HeardWord("  ", 0, 1)), 0, 0, 1) == []


@given(
    st.lists(st.tuples(st.floats(-5, 40), st.floats(-5, 40)), max_size=20),
    st.floats(0, 1_000),
    st.floats(0.1, 30),
)
def test_times_are_monotone_and_within_the_clip(
    times: list[tuple[float, float]], offset: float, length: float
) -> None:
    found = heard(*(HeardWord(" a", start, end) for start, end in times))
    edges = [
        edge
        for item in shapes.spoken(found, offset, offset, offset + length)
        for edge in (item.word.start, item.word.end)
    ]
    assert edges == sorted(edges)
    assert all(offset - 0.001 <= edge <= offset + length + 0.001 for edge in edges)


def test_a_line_ends_after_a_sentence_but_not_after_a_title() -> None:
    segments = cut(
        HeardWord(" And", 0, 0.2),
        HeardWord(" Mr.", 0.2, 0.4),
        HeardWord(" John", 0.4, 0.6),
        HeardWord(" came.", 0.6, 1),
        HeardWord(" He", 1, 1.2),
        HeardWord(" sat.", 1.2, 1.5),
    )
    assert [s.text for s in segments] == ["And Mr. John came.", "He sat."]
    assert [(s.start, s.end) for s in segments] == [(0, 1), (1, 1.5)]


def test_a_line_ends_in_a_pause() -> None:
    segments = cut(HeardWord(" so", 0, 0.2), HeardWord(" then", 2, 2.2))
    assert [s.text for s in segments] == ["so", "then"]


def test_a_line_without_an_end_gets_no_longer_than_can_be_read() -> None:
    segments = cut(*(HeardWord(" on", n / 2, n / 2 + 0.4) for n in range(60)))
    assert len(segments) > 1
    assert all(s.end - s.start <= shapes.MAX_LINE_S for s in segments)


def test_scripts_without_spaces_get_none() -> None:
    segments = cut(HeardWord("你好", 0, 0.5), HeardWord("世界", 0.5, 1))
    assert segments[0].text == "你好世界"


def test_words_are_left_out_when_not_asked_for() -> None:
    segments = cut(HeardWord(" Good.", 0, 1), keep_words=False)
    assert segments[0].words == ()
    assert segments[0].text == "Good."


@pytest.mark.parametrize(
    ("no_speech", "logprob", "silence"), [(0.9, -1.5, True), (0.9, -0.2, False), (0.1, -1.5, False)]
)
def test_silence_needs_both_doubts(no_speech: float, logprob: float, *, silence: bool) -> None:
    found = Heard(no_speech_prob=no_speech, avg_logprob=logprob)
    assert shapes.is_silence(found) is silence


def test_text_in_circles_is_doubtful() -> None:
    assert shapes.is_doubtful(Heard(compression_ratio=9.0))
    assert shapes.is_doubtful(Heard(avg_logprob=-1.2))
    assert not shapes.is_doubtful(Heard())


def test_tracks_interleave_by_time() -> None:
    later, first = Segment(2, 3, "b", channel=0), Segment(1, 2, "a", channel=1)
    assert shapes.in_order([later, first]) == (first, later)


@pytest.mark.parametrize(
    ("prompt", "sentence"),
    [
        (None, None),
        (" ", None),
        ("Dashwood, Marianne", "Dashwood, Marianne."),
        ("Who? ", "Who?"),
        ("好。", "好。"),
    ],
)
def test_a_prompt_is_made_a_whole_sentence(prompt: str | None, sentence: str | None) -> None:
    assert shapes.finished(prompt) == sentence
