from engines.funasr.lines import segments
from engines.funasr.pauses import Clip
from engines.funasr.results import Heard, laid, parsed, tidy, written_in
from streams.transcript import Emotion


def times(*edges: int) -> list[list[int]]:
    return [[start, start + 100] for start in edges]


def test_tags_become_values_and_events_go() -> None:
    heard = parsed({"text": "<|en|><|HAPPY|><|Laughter|><|withitn|>Hello, you."})
    assert heard.text == "Hello, you."
    assert (heard.language, heard.emotion) == ("en", Emotion("happy"))


def test_tags_in_the_middle_do_not_glue_words_together() -> None:
    assert parsed({"text": "<|en|>one<|BGM|>two <|Applause|> three"}).text == "one two three"


def test_an_unknown_emotion_and_no_speech_are_none() -> None:
    heard = parsed({"text": "<|nospeech|><|EMO_UNKNOWN|><|Event_UNK|><|woitn|>"})
    assert heard == Heard("")


def test_chinese_has_a_word_a_character_and_no_spaces() -> None:
    heard = parsed({"text": "你 好 hello 世 界", "timestamp": times(0, 100, 200, 400, 500)})
    assert heard.text == "你好hello世界"
    assert [placed.word.text for placed in heard.words] == ["你", "好", "hello", "世", "界"]
    assert heard.words[2].word.start == 0.2
    assert heard.words[3].word.end == 0.5


def test_pieces_of_words_are_laid_over_the_text_with_its_punctuation() -> None:
    names = ["\u2581he", "llo", ",", "\u2581don", "'", "t", ".", "好", "。"]
    found = laid("hello, don't. 好。", tuple(zip(names, times(*range(0, 900, 100)), strict=True)))
    assert [placed.word.text for placed in found] == ["hello,", "don't.", "好。"]
    assert [(p.word.start, p.word.end) for p in found] == [(0.0, 0.3), (0.3, 0.7), (0.7, 0.8)]


def test_times_that_belong_to_another_text_give_no_words() -> None:
    heard = parsed({"text": "one two", "timestamp": times(0, 100, 200)})
    assert heard.words == ()
    assert heard.untimed
    assert laid("one two", (("one", [0, 100]), ("too", [100, 200]))) == ()


def test_times_never_run_backwards() -> None:
    heard = parsed({"text": "a b", "timestamp": [[-90, 500], [300, 200]]})
    assert [(p.word.start, p.word.end) for p in heard.words] == [(0.0, 0.5), (0.5, 0.5)]


def test_an_empty_answer_is_nothing_heard() -> None:
    assert parsed({}) == Heard("")
    assert parsed({"text": "", "timestamp": []}) == Heard("")
    assert list(segments(Clip(0, 1), Heard(""), channel=None, language=None, keep_words=True)) == []


def test_spaces_stay_between_words_that_need_them() -> None:
    assert tidy("  a  b 你 好 c d ") == "a b你好c d"
    assert tidy("안녕 하세요") == "안녕 하세요"


def test_the_language_is_told_by_script_only_where_that_can_be() -> None:
    assert written_in("你好 hello", ("zh", "en")) == "zh"
    assert written_in("hello", ("zh", "en")) == "en"
    assert written_in("123", ("zh", "en")) is None
    assert written_in("hello", ("en",)) == "en"
    assert written_in("hello", ()) is None
    assert written_in("hello", ("zh", "yue", "en", "ja", "ko")) is None


def test_a_clip_is_cut_after_sentences_and_in_pauses_and_its_times_are_the_tracks() -> None:
    heard = parsed({"text": "one. two three", "timestamp": times(0, 200, 2000)})
    first, second, third = segments(Clip(10, 20), heard, channel=1, language="en", keep_words=True)
    assert [first.text, second.text, third.text] == ["one.", "two", "three"]
    assert (third.start, third.end) == (12.0, 12.1)
    assert third.words[0].start == 12.0
    assert {segment.channel for segment in (first, second, third)} == {1}


def test_without_word_times_a_clip_is_one_segment() -> None:
    (segment,) = segments(
        Clip(1, 2), Heard("a. b", language="ko"), channel=None, language=None, keep_words=True
    )
    assert (segment.start, segment.end, segment.text, segment.language) == (1, 2, "a. b", "ko")


def test_words_are_left_out_when_nobody_asked() -> None:
    heard = parsed({"text": "one two", "timestamp": times(0, 100)})
    (segment,) = segments(Clip(0, 1), heard, channel=None, language=None, keep_words=False)
    assert segment.words == ()
    assert segment.end == 0.2
