"""The real pipeline on real weights, in the environment that a stack gives it."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from engines.sdk import wav
from tests.engines.conftest import Alone
from tests.engines.pyannote.conftest import Run, samples

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

Turns = list[tuple[float, float, str]]
FRAME_S = 0.01


@pytest.fixture(scope="module")
async def heard(
    run: Run, talk: Path, reading: Path, silence: Path, folder: Path
) -> dict[str, dict[str, Any]]:
    """All cases at once: the model is loaded for a while."""
    broken = folder / "models" / "broken"
    broken.mkdir(parents=True)
    (broken / "config.yaml").write_text("pipeline: {name: no.such.Pipeline}\n")
    wav.write(folder / "twice.wav", samples(talk) * 2)
    both = [reading, talk, silence]
    return await run(
        {
            "talk": {"tracks": [talk]},
            "reader": {"tracks": [reading]},
            "one": {"tracks": [talk], "options": {"max_speakers": 1}},
            "three": {"tracks": [reading], "options": {"min_speakers": 3}},
            "silence": {"tracks": [silence]},
            "channels": {"tracks": both, "silent": [2]},
            "windows": {"tracks": [folder / "twice.wav"], "window": 50},
            "contradiction": {
                "tracks": [silence],
                "options": {"min_speakers": 3, "max_speakers": 2},
            },
            "gated": {
                "tracks": [silence],
                "options": {"model": "pyannote/speaker-diarization-community-1"},
            },
            "broken": {"tracks": [silence], "options": {"model": "broken"}},
        },
        HF_HUB_OFFLINE="1",
    )


async def test_one_reader_is_one_speaker(heard: dict[str, dict[str, Any]]) -> None:
    assert [speaker["id"] for speaker in heard["reader"]["speakers"]] == ["S1"]
    assert heard["reader"]["turns"]


async def test_two_people_in_a_talk_are_told_apart(
    heard: dict[str, dict[str, Any]], turns: Turns
) -> None:
    found = heard["talk"]
    assert [speaker["id"] for speaker in found["speakers"]] == ["S1", "S2"]
    assert found["turns"][0]["speaker"] == "S1"
    assert errors(turns, _turns(found["turns"])) < 0.1
    assert "warnings" not in found
    assert found["provenance"][0]["model"] == "segmentation-3.0+campplus"


async def test_exclusive_turns_are_of_one_speaker_at_a_time(
    heard: dict[str, dict[str, Any]],
) -> None:
    found = _turns(heard["talk"]["exclusive"])
    assert all(a[1] <= b[0] + 1e-6 for a, b in itertools.pairwise(found))
    assert {who for *_, who in found} == {"S1", "S2"}


async def test_progress_is_told_often_and_never_goes_back(
    heard: dict[str, dict[str, Any]],
) -> None:
    told = heard["talk"]["progress"]
    assert len(told) > 5
    assert told == sorted(told)
    assert told[-1] == 1.0


async def test_at_most_one_speaker_is_one_speaker(heard: dict[str, dict[str, Any]]) -> None:
    assert {who for *_, who in _turns(heard["one"]["turns"])} == {"S1"}


async def test_one_person_of_whom_three_were_asked_for_is_doubted_aloud(
    heard: dict[str, dict[str, Any]],
) -> None:
    found = heard["three"]
    [warning] = found["warnings"]
    assert found["turns"]
    assert "though min_speakers is 3" in warning or "sound alike" in warning


async def test_no_speech_is_nobody(heard: dict[str, dict[str, Any]]) -> None:
    found = heard["silence"]
    assert (found["turns"], found.get("speakers", [])) == ([], [])
    assert found["warnings"] == ["no speech was found"]


async def test_each_channel_has_people_of_its_own(heard: dict[str, dict[str, Any]]) -> None:
    found = heard["channels"]["turns"]
    people = {
        channel: {t["speaker"] for t in found if t["channel"] == channel} for channel in (0, 1)
    }
    assert {turn["channel"] for turn in found} == {0, 1}
    assert len(people[0]) == 1
    assert len(people[1]) == 2
    assert not people[0] & people[1]


async def test_people_are_the_same_in_each_window_of_a_long_track(
    heard: dict[str, dict[str, Any]], turns: Turns
) -> None:
    found = heard["windows"]
    again = turns + [(start + 30.0, end + 30.0, who) for start, end, who in turns]
    assert [speaker["id"] for speaker in found["speakers"]] == ["S1", "S2"]
    assert errors(again, _turns(found["turns"])) < 0.15


async def test_bounds_that_contradict_each_other_are_refused(
    heard: dict[str, dict[str, Any]],
) -> None:
    assert heard["contradiction"]["failure"] == "InvalidInput"


async def test_a_gated_pipeline_that_cannot_be_had_is_said_with_the_way_to_it(
    heard: dict[str, dict[str, Any]],
) -> None:
    found = heard["gated"]
    assert found["failure"] == "ModelUnavailable"
    assert "segmentation-3.0+campplus" in found["message"]
    assert "HF_TOKEN" in found["message"]


async def test_a_broken_pipeline_is_named(heard: dict[str, dict[str, Any]]) -> None:
    assert heard["broken"]["failure"] == "ModelUnavailable"
    assert "'broken'" in heard["broken"]["message"]


async def test_it_runs_alone_on_a_file(alone: Alone, reading: Path) -> None:
    ran = await alone("pyannote", reading)
    assert ran.code == 0, ran.errors
    found = json.loads(ran.output)
    assert [speaker["id"] for speaker in found["speakers"]] == ["S1"]


async def test_a_name_that_nobody_has_is_said_with_what_is_here(
    alone: Alone, silence: Path
) -> None:
    ran = await alone("pyannote", silence, "--model", "nonsense", HF_HUB_OFFLINE="1")
    assert ran.code == 1
    assert "unknown model 'nonsense'; here: segmentation-3.0+campplus" in ran.errors


def _turns(found: list[dict[str, Any]]) -> Turns:
    return [(turn["start"], turn["end"], turn["speaker"]) for turn in found]


def errors(true: Turns, found: Turns) -> float:
    """The diarization error rate, in frames of 10 ms, without a collar, by the best mapping."""
    theirs, ours = (sorted({who for *_, who in some}) for some in (true, found))
    end = max(turn[1] for turn in (*true, *found))
    frames = range(int(end / FRAME_S))
    said = [_at(true, frame * FRAME_S) for frame in frames]
    heard = [_at(found, frame * FRAME_S) for frame in frames]
    spoken = sum(map(len, said))
    padded = [*ours, *[""] * len(theirs)]
    return min(
        sum(_wrong(a, {names.get(who, who) for who in b}) for a, b in zip(said, heard, strict=True))
        / spoken
        for names in (
            dict(zip(order, theirs, strict=True))
            for order in itertools.permutations(padded, len(theirs))
        )
    )


def _wrong(said: set[str], heard: set[str]) -> int:
    return max(len(said), len(heard)) - len(said & heard)


def _at(turns: Turns, when: float) -> set[str]:
    return {who for start, end, who in turns if start <= when < end}
