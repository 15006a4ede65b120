import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streams.errors import InvalidRequest, NoEngine
from streams.events import JobRequest, PlannedStage
from streams.offers import PREFERRED, Offer
from streams.pipeline import MUST, NEEDS, plan

WHISPER = Offer(
    engine="faster_whisper",
    stage="transcribe",
    models=("base", "tiny.en"),
    default_model="base",
    languages={"tiny.en": ("en",)},
)
PARAKEET = Offer(engine="parakeet", stage="transcribe", models=("parakeet",))
MOONSHINE = Offer(
    engine="moonshine", stage="transcribe", models=("moon",), default_model="moon",
    languages={"moon": ("en",)}, gives={"": ()},
)  # fmt: skip
PREPARE = Offer(engine="audio_prepare", stage="prepare")
MERGE = Offer(engine="merge", stage="merge")
CORE = [PREPARE, MERGE, WHISPER]
PYANNOTE = Offer(
    engine="pyannote", stage="diarize", models=("off",), default_model="off", needs_model=True
)
SPHINX = Offer(
    engine="pocketsphinx", stage="align", models=("us",), default_model="us",
    languages={"us": ("en",)}, needs_model=True,
)  # fmt: skip
WHISPERX = Offer(engine="whisperx", stage="align", any_model=True, needs_model=True)
EMOTION = Offer(engine="emotion2vec", stage="emotion", any_model=True, needs_model=True)
LLM = Offer(engine="llm_cleanup", stage="cleanup", models=("m",), default_model="m")
LANGUAGE = Offer(engine="spoken_language", stage="language", models=("base",), default_model="base")
REDACT = Offer(
    engine="presidio", stage="redact", models=("sm",), default_model="sm",
    languages={"sm": ("en",)},
)  # fmt: skip
ALL = [*CORE, PYANNOTE, SPHINX, WHISPERX, EMOTION, LLM, LANGUAGE, REDACT]


def planned(offers: list[Offer], **request: Any) -> dict[str, PlannedStage]:
    return {node.name: node for node in plan(JobRequest(**request), offers)}


def transcribe(offers: list[Offer], **request: Any) -> PlannedStage:
    return planned([PREPARE, MERGE, *offers], **request)["transcribe"]


def test_the_plan_is_prepare_transcribe_merge() -> None:
    expected = [
        ("prepare", "audio_prepare", ()),
        ("transcribe", "faster_whisper", ("prepare",)),
        ("merge", "merge", ("prepare", "transcribe")),
    ]
    for offers in ([], CORE, ALL):
        stages = plan(JobRequest(), offers)
        assert [(s.name, s.engine, s.needs) for s in stages] == expected
        assert all(stage.required for stage in stages)


def test_a_job_that_asks_for_all_gets_a_stage_for_each_wish() -> None:
    everything = planned(
        [*ALL, replace(EMOTION, models=("e2v",), default_model="e2v")],
        detect_language=True, align=True, diarize=True, emotion=True, cleanup=True, redact=True,
    )  # fmt: skip
    assert list(everything) == list(NEEDS)
    assert not any(node.left_out for node in everything.values())
    assert {n for n, node in everything.items() if node.required} == MUST
    assert everything["transcribe"].needs == ("prepare", "language")
    assert everything["diarize"].needs == ("prepare",)  # beside transcribe, not after it
    assert everything["emotion"].needs == ("prepare", "transcribe", "align")
    assert everything["redact"].needs == ("prepare", "merge")
    assert set(everything["merge"].needs) == set(everything) - {"merge", "redact"}


@given(st.permutations(ALL), st.booleans(), st.booleans(), st.booleans())
def test_the_same_request_and_offers_give_the_same_plan(
    offers: list[Offer], align: bool, diarize: bool, emotion: bool
) -> None:
    request = JobRequest(align=align, diarize=diarize, emotion=emotion)
    assert plan(request, ALL) == plan(request, offers)


def test_each_option_reaches_the_stage_that_needs_it() -> None:
    found = planned(
        ALL, language="en", hotwords="Dalston", channels="separate", max_speakers=3,
        character_timestamps=True, summary=True, chapters=True, redact_kinds=("PERSON",),
        redact_audio="beep", models={"align": "us"},
    )  # fmt: skip
    assert found["prepare"].options == {"channels": "separate"}
    assert found["transcribe"].options == {
        "language": "en", "hotwords": "Dalston", "task": "transcribe", "word_timestamps": True,
        "vad": True,
    }  # fmt: skip
    assert found["align"].options == {
        "language": "en", "character_timestamps": True, "model": "us",
    }  # fmt: skip
    assert found["diarize"].options == {"max_speakers": 3}
    assert found["cleanup"].options == {
        "language": "en", "clean": False, "summary": True, "chapters": True,
    }  # fmt: skip
    assert found["redact"].options == {"language": "en", "kinds": ["PERSON"], "audio": "beep"}
    assert found["merge"].options == {}


@pytest.mark.parametrize("stage", ["prepare", "transcribe", "merge"])
def test_what_no_job_can_be_without_is_refused_when_nobody_does_it(stage: str) -> None:
    offers = [offer for offer in ALL if offer.stage != stage]
    first = PREFERRED[stage][0]
    with pytest.raises(NoEngine, match=f"{stage} is up: start one.*--engine {first}"):
        plan(JobRequest(), offers)
    assert planned(offers, wait_for_engines=True)[stage].engine == first


def test_who_is_up_is_not_asked_of_a_registry_that_is_away() -> None:
    assert planned([], diarize=True)["diarize"].engine == "pyannote"
    assert planned([], model="whatever")["transcribe"].engine == "faster_whisper"


def test_an_extra_that_nobody_does_is_left_out_and_says_why() -> None:
    found = planned(CORE, diarize=True)
    assert "no engine that does diarize is up" in found["diarize"].left_out
    assert "dalston up --engine pyannote" in found["diarize"].left_out
    assert found["merge"].needs == ("prepare", "transcribe", "diarize")


def test_an_extra_that_is_required_is_refused_or_waited_for() -> None:
    with pytest.raises(NoEngine, match="no engine that does diarize is up"):
        planned(CORE, diarize=True, required=("diarize",))
    waits = planned(CORE, diarize=True, required=("diarize",), wait_for_engines=True)["diarize"]
    assert (waits.engine, waits.required, waits.left_out) == ("pyannote", True, "")
    optional = planned(CORE, diarize=True, wait_for_engines=True)["diarize"]
    assert (optional.engine, optional.required, optional.left_out) == ("pyannote", False, "")


def test_masking_is_never_left_out() -> None:
    with pytest.raises(NoEngine, match="no engine that does redact is up"):
        planned(CORE, redact=True)
    accepted = plan(JobRequest(redact=True), CORE, accepted=True)[-1]
    assert (accepted.name, accepted.required, accepted.left_out) == ("redact", True, "")


def test_an_engine_without_a_model_is_as_good_as_none() -> None:
    assert "emotion2vec is up without any" in planned(ALL, emotion=True)["emotion"].left_out
    named = planned(ALL, emotion=True, models={"emotion": "iic/emotion2vec_plus_base"})["emotion"]
    assert (named.left_out, named.options) == ("", {"model": "iic/emotion2vec_plus_base"})


def test_what_the_transcriber_gives_is_not_asked_of_another() -> None:
    gifted = replace(WHISPER, gives={"base": ("words", "speakers", "emotion", "language")})
    found = planned(
        [PREPARE, MERGE, gifted, PYANNOTE], diarize=True, emotion=True, detect_language=True
    )
    assert list(found) == ["prepare", "transcribe", "merge"]
    other = planned([PREPARE, MERGE, gifted, PYANNOTE], diarize=True, model="tiny.en")
    assert "diarize" in other


def test_an_engine_that_is_named_for_a_stage_does_it_whatever_the_transcriber_gives() -> None:
    gifted = replace(WHISPER, gives={"base": ("words", "speakers")})
    offers = [PREPARE, MERGE, gifted, PYANNOTE]
    found = planned(offers, diarize=True, engines={"diarize": "pyannote"})
    assert found["diarize"].engine == "pyannote"


def test_words_without_times_are_aligned() -> None:
    offers = [PREPARE, MERGE, MOONSHINE]
    assert planned([*offers, SPHINX])["align"].engine == "pocketsphinx"
    assert "align" not in planned([*offers, SPHINX], word_timestamps=False)
    assert "no engine that does align is up" in planned(offers)["align"].left_out
    assert "align" not in planned([PREPARE, MERGE, WHISPER, SPHINX])


def test_an_aligner_is_chosen_for_its_language() -> None:
    german = replace(WHISPERX, models=("de",), default_model="de", languages={"de": ("de",)})
    offers = [*CORE, german, SPHINX]
    assert planned(offers, align=True, language="en")["align"].engine == "pocketsphinx"
    assert planned(offers, align=True, language="de")["align"].engine == "whisperx"
    assert planned(offers, align=True, model="tiny.en")["align"].engine == "pocketsphinx"
    assert "does not take language 'fr'" in (
        planned(offers, align=True, language="fr")["align"].left_out
    )


def test_an_engine_may_be_chosen_for_a_stage() -> None:
    both = [PREPARE, MERGE, WHISPER, MOONSHINE]
    assert planned(both)["transcribe"].engine == "faster_whisper"
    assert planned(both, engines={"transcribe": "moonshine"})["transcribe"].engine == "moonshine"
    with pytest.raises(NoEngine, match=r"engine moonshine is not up \(instead.*faster_whisper"):
        planned(CORE, engines={"transcribe": "moonshine"})


def test_a_model_goes_to_the_engine_that_names_it() -> None:
    greedy = Offer(engine="faster_whisper", stage="transcribe", models=("base",), any_model=True)
    assert transcribe([greedy, PARAKEET], model="parakeet").engine == "parakeet"
    assert transcribe([greedy, PARAKEET], model="org/some-model").engine == "faster_whisper"
    assert transcribe([PARAKEET, greedy]).engine == "faster_whisper"


def test_an_unknown_model_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidRequest, match=r"unknown model 'x'.*base, parakeet, tiny\.en"):
        transcribe([WHISPER, PARAKEET], model="x")
    with pytest.raises(InvalidRequest, match=r"unknown model 'x' for diarize.*off"):
        planned(ALL, diarize=True, models={"diarize": "x"})


def test_a_language_that_the_model_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"'tiny\.en' does not take language 'de'.*: en"):
        transcribe([WHISPER], model="tiny.en", language="de")
    assert transcribe([WHISPER], model="tiny.en", language="en").engine == "faster_whisper"
    assert transcribe([WHISPER], language="de").engine == "faster_whisper"
    with pytest.raises(InvalidRequest, match=r"'sm' does not take language 'de'"):
        planned(ALL, language="de", redact=True)


def test_another_model_that_is_there_takes_the_language_that_the_default_one_does_not() -> None:
    default = replace(WHISPER, default_model="tiny.en", models=("tiny.en", "base"))
    german = transcribe([default], language="de")
    assert (german.engine, german.options["model"]) == ("faster_whisper", "base")
    assert "model" not in transcribe([default], language="en").options
    only = replace(default, models=("tiny.en",))
    with pytest.raises(InvalidRequest, match=r"'tiny\.en' does not take language 'de'"):
        transcribe([only], language="de")


def test_what_was_accepted_is_planned_whoever_is_up() -> None:
    request = JobRequest(model="gone", diarize=True)
    stages = {node.name: node for node in plan(request, [PREPARE], accepted=True)}
    assert stages["transcribe"].engine == "faster_whisper"
    assert stages["merge"].engine == "merge"
    assert stages["diarize"].left_out


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"initial_prompt": "x" * 4001}, "initial_prompt is over 4000 bytes"),
        ({"hotwords": "é" * 2001}, "hotwords is over 4000 bytes"),
        ({"labels": {"a": "b" * 4000}}, "labels is over 4000 bytes"),
        ({"priority": 11}, "priority 11 is not within ±10"),
        ({"priority": -(10**400)}, "priority"),
        ({"deadline_s": 0.0}, "deadline_s 0.0 is not between"),
        ({"deadline_s": math.nan}, "deadline_s nan"),
        ({"deadline_s": math.inf}, "deadline_s inf"),
        ({"min_speakers": 0}, "min_speakers 0 is not between 1 and 100"),
        ({"min_speakers": 3, "max_speakers": 2}, "min_speakers 3 is over max_speakers 2"),
        ({"task": "translate", "align": True}, "goes without align"),
        ({"task": "translate", "redact": True}, "goes without align"),
        ({"required": ("summarize",)}, "required names 'summarize', which is no stage; there are"),
        ({"required": ("diarize",)}, "names 'diarize', which the request does not ask for"),
        ({"models": {"emotion": "x"}}, "models names 'emotion', which the request does not"),
        ({"engines": {"merge": "evil"}}, "there is no engine 'evil' that does merge"),
        ({"model": "a", "models": {"transcribe": "b"}}, "give one of them"),
        ({"models": {"transcribe": "m" * 4001}}, "models is over 4000 bytes"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(request_: dict[str, Any], message: str) -> None:
    for offers in ([], ALL):
        with pytest.raises(InvalidRequest, match=message):
            plan(JobRequest(**request_), offers)
