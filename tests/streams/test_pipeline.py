import math
from typing import Any

import pytest

from streams.errors import InvalidRequest
from streams.events import JobRequest, PlannedStage
from streams.pipeline import Offer, plan

WHISPER = Offer(
    engine="faster_whisper",
    stage="transcribe",
    models=("base", "tiny.en"),
    default_model="base",
    languages={"tiny.en": ("en",)},
)
PARAKEET = Offer(engine="parakeet", stage="transcribe", models=("parakeet",))
PREPARE = Offer(engine="audio_prepare", stage="prepare")


def transcribe(offers: list[Offer], **request: Any) -> PlannedStage:
    return plan(JobRequest(**request), offers)[1]


def test_the_plan_is_prepare_transcribe_merge() -> None:
    stages = plan(JobRequest(), [])
    assert [(s.name, s.engine, s.needs) for s in stages] == [
        ("prepare", "audio_prepare", ()),
        ("transcribe", "faster_whisper", ("prepare",)),
        ("merge", "merge", ("prepare", "transcribe")),
    ]


def test_the_same_request_and_offers_give_the_same_plan() -> None:
    offers = [PARAKEET, WHISPER]
    assert plan(JobRequest(), offers) == plan(JobRequest(), offers[::-1])


def test_each_option_reaches_the_stage_that_needs_it() -> None:
    request = JobRequest(language="de", hotwords="Dalston", channels="separate")
    prepare, heard, _ = plan(request, [WHISPER])
    assert prepare.options == {"channels": "separate"}
    assert heard.options == {
        "language": "de", "hotwords": "Dalston", "task": "transcribe", "word_timestamps": True,
        "vad": True,
    }  # fmt: skip


def test_an_engine_that_is_not_up_is_planned_for_all_the_same() -> None:
    assert transcribe([PREPARE], model="whatever").engine == "faster_whisper"


def test_a_model_goes_to_the_engine_that_names_it() -> None:
    greedy = Offer(engine="faster_whisper", stage="transcribe", models=("base",), any_model=True)
    assert transcribe([greedy, PARAKEET], model="parakeet").engine == "parakeet"
    assert transcribe([greedy, PARAKEET], model="org/some-model").engine == "faster_whisper"
    assert transcribe([PARAKEET, greedy]).engine == "faster_whisper"


def test_an_unknown_model_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(InvalidRequest, match=r"unknown model 'x'.*base, parakeet, tiny\.en"):
        transcribe([WHISPER, PARAKEET], model="x")


def test_a_language_that_the_model_does_not_take_is_refused() -> None:
    with pytest.raises(InvalidRequest, match=r"'tiny\.en' does not take language 'de'.*: en"):
        transcribe([WHISPER], model="tiny.en", language="de")
    assert transcribe([WHISPER], model="tiny.en", language="en").engine == "faster_whisper"
    assert transcribe([WHISPER], language="de").engine == "faster_whisper"


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
    ],
)
def test_what_does_not_fit_is_refused_by_name(request_: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        plan(JobRequest(**request_), [])
