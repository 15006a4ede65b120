"""What a command line asks for besides the words, and which engines that takes."""

from typing import Any

import click
import pytest
from click.testing import CliRunner

from infra.cli import wishes
from streams.events import JobRequest


def asked(*words: str) -> JobRequest:
    found: list[JobRequest] = []

    @click.command()
    @wishes.options
    def command(**more: Any) -> None:
        found.append(JobRequest(**more))

    result = CliRunner().invoke(command, words)
    assert result.exit_code == 0, result.output
    return found[0]


def test_without_a_wish_the_request_is_the_plain_one() -> None:
    assert asked() == JobRequest()
    assert wishes.engines(JobRequest()) == {}


def test_each_option_reaches_the_request() -> None:
    request = asked(
        "--diarize", "--min-speakers", "2", "--emotion", "--summary", "--redact-kind", "PERSON",
        "--redact-kind", "EMAIL_ADDRESS", "--redact-audio", "beep", "--characters",
        "--engine", "align=whisperx", "--stage-model", "emotion=a/b", "--require", "diarize",
        "--wait-for-engines",
    )  # fmt: skip
    assert request == JobRequest(
        diarize=True, min_speakers=2, emotion=True, summary=True,
        redact_kinds=("PERSON", "EMAIL_ADDRESS"), redact_audio="beep", character_timestamps=True,
        engines={"align": "whisperx"}, models={"emotion": "a/b"}, required=("diarize",),
        wait_for_engines=True,
    )  # fmt: skip


def test_a_stack_of_its_own_gets_the_engines_that_the_wishes_need() -> None:
    assert wishes.engines(JobRequest(diarize=True, align=True, redact_audio="beep")) == {
        "pyannote": 1, "pocketsphinx": 1, "presidio": 1,
    }  # fmt: skip
    named = JobRequest(align=True, engines={"align": "whisperx", "transcribe": "moonshine"})
    assert wishes.engines(named) == {"whisperx": 1, "moonshine": 1}


@pytest.mark.parametrize("word", ["diarize", "=x", "diarize="])
def test_a_pair_that_does_not_read_as_one_is_refused(word: str) -> None:
    @click.command()
    @wishes.options
    def command(**_: Any) -> None: ...

    result = CliRunner().invoke(command, ["--engine", word])
    assert result.exit_code == 2
    assert "write STAGE=NAME" in result.output
