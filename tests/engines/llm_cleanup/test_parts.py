from engines.llm_cleanup import notes, prompts
from engines.llm_cleanup.settings import LlmSettings
from engines.llm_cleanup.tidy import Tidier, warnings
from streams.transcript import Segment
from tests.engines.llm_cleanup.conftest import heard


async def never(_: prompts.Question) -> str:
    raise AssertionError


def tidier(*texts: str, context: int = 8192) -> Tidier:
    return Tidier(heard(*texts).segments, never, "en", context=context)


def test_batches_are_runs_of_segments_with_text() -> None:
    assert list(tidier("a", " ", "b", "c").batches(2)) == [{0: "a", 2: "b"}, {3: "c"}]


def test_a_batch_fits_the_model_and_a_segment_that_cannot_is_told() -> None:
    one = tidier("word " * 120, "word " * 120, "word " * 900, context=2048)
    assert [list(batch) for batch in one.batches(20)] == [[0], [1]]
    assert warnings(one.refused, 3) == [
        "1 of 3 segments not cleaned: it is too long for the model: see DALSTON_LLM_CONTEXT_TOKENS"
    ]


def test_reasons_are_few_however_many_there_are() -> None:
    one = tidier("a")
    one.refused.update({f"reason {number}": 1 for number in range(9)})
    assert len(warnings(one.refused, 9)) == 6
    assert warnings(one.refused, 9)[-1] == "4 of 9 segments not cleaned: other reasons"


def test_every_word_is_in_some_part_and_every_part_fits() -> None:
    texts = ["word " * 40] * 30 + ["\u4f60" * 9000]
    segments = [Segment(0.0, 1.0, text) for text in texts]
    cut = notes.parts(segments, 4096)
    assert sum(len(text.split()) for part in cut for number, text in part if number < 30) == 1200
    assert "".join(text for part in cut for number, text in part if number == 30) == texts[30]
    for part in cut:
        question = prompts.notes(part, tuple(notes.KINDS), len(cut))
        size = prompts.estimate(question.system + question.user) + question.answer_tokens
        assert size <= 4096


def test_settings_show_no_key() -> None:
    settings = LlmSettings(llm_model="openai/a", llm_models="b, openai/a,c", llm_api_key="sk-1")
    assert "sk-1" not in repr(settings)
    assert settings.names == ("openai/a", "b", "c")
