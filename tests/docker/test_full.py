"""Every engine in containers, on one job. Building them all takes long: DALSTON_DOCKER_FULL=1."""

import os
from collections.abc import Iterator

import httpx
import pytest

from infra.isolation import contents
from infra.local import environment
from tests.docker.stack import check_is_shut_in, compose, submit, up, wait_for

ENGINES = environment.engines()
WITHOUT_MODELS = {"emotion2vec", "funasr", "llm_cleanup", "whisperx"}
"""Those whose models nobody may pass on in a package: up, and announcing none."""
KEYS = ["redis_password", "redis_url", "s3_access_key", "s3_secret_key"]

pytestmark = [
    pytest.mark.docker,
    pytest.mark.timeout(7200),
    pytest.mark.skipif(not os.environ.get("DALSTON_DOCKER_FULL"), reason="DALSTON_DOCKER_FULL=1"),
]


@pytest.fixture(scope="module")
def api() -> Iterator[httpx.Client]:
    with up("full") as client:
        yield client


def test_every_engine_is_up_and_says_what_it_has(api: httpx.Client) -> None:
    said = {engine["name"]: engine for engine in api.get("/v1/engines").json()["engines"]}
    assert sorted(said) == ENGINES
    replicas = {name: engine["replicas"] for name, engine in said.items()}
    assert [len(each) for each in replicas.values()] == [1] * len(ENGINES)
    without = {name for name, each in replicas.items() if not each[0].get("models")}
    assert without == WITHOUT_MODELS | {"audio_prepare", "merge"}


def test_one_job_goes_through_many_engines_and_tells_what_it_goes_without(
    api: httpx.Client,
) -> None:
    wishes = dict.fromkeys(("detect_language", "align", "diarize", "emotion", "redact"), "true")
    job = submit(api, **wishes, redact_audio="silence")
    view = wait_for(api, job, "succeeded", s=900)
    stages = {stage["name"]: stage for stage in view["stages"]}  # type: ignore[attr-defined]
    assert {name for name, stage in stages.items() if stage["status"] == "completed"} == {
        "prepare", "language", "transcribe", "align", "diarize", "merge", "redact",
    }  # fmt: skip
    assert "no model for emotion is here" in str(view["warnings"])
    transcript = api.get(f"/v1/jobs/{job}/transcript?format=json").json()
    words = [word for segment in transcript["segments"] for word in segment["words"]]
    assert len(words) > 20
    assert {word["speaker"] for word in words} != {None}
    assert all(0 <= word["start"] <= word["end"] <= transcript["duration"] for word in words)
    assert all(segment.get("emotion") is None for segment in transcript["segments"])


def test_every_engine_is_shut_in_and_holds_no_others_library_or_keys(api: httpx.Client) -> None:
    for engine in ENGINES:
        service = engine.replace("_", "-")
        check_is_shut_in(service, published=False)
        packages = contents.of_image(engine)
        assert packages
        assert not contents.strangers(engine, packages)
        held = compose("exec", "-T", service, "ls", "/app/engines").split()
        assert sorted(held) == sorted(["__init__.py", "sdk", engine])
        extra = ["llm_api_key"] * (engine == "llm_cleanup")
        assert compose("exec", "-T", service, "ls", "/keys").split() == extra + KEYS
