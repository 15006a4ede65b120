"""Engines that cannot share an environment, at work on one job: a real stack, real audio."""

import asyncio
import os
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from infra.client import Client
from infra.local.options import DEFAULT_ENGINES, Options
from infra.local.stack import Stack
from streams.events import JobRequest
from streams.transcript import Transcript
from web.views import JobView

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"
MORE = ("spoken_language", "moonshine", "pocketsphinx", "pyannote", "presidio")


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    options = Options(
        home=tmp_path_factory.mktemp("whole"),
        environ={**os.environ, "DALSTON_PREWARM": "0"},
        engines={**DEFAULT_ENGINES, **dict.fromkeys(MORE, 1)},
        environments=ROOT / ".dalston" / "envs",
    )
    async with Stack(options) as stack, Client(stack.running.web.url) as client:
        yield client


async def done(client: Client, **request: Any) -> tuple[JobView, Transcript]:
    view = await client.submit(SAMPLE, JobRequest(**request))
    while view.status not in {"succeeded", "failed", "blocked"}:
        await asyncio.sleep(1)
        view = await client.job(view.id)
    assert view.status == "succeeded", (view.reason, view.warnings)
    text = await client.transcript(view.id)
    return view, msgspec.json.decode(text, type=Transcript)


async def test_each_engine_adds_its_own_to_one_transcript(client: Client, tmp_path: Path) -> None:
    view, transcript = await done(
        client, detect_language=True, align=True, diarize=True, emotion=True,
        redact_audio="beep",
    )  # fmt: skip
    stages = {stage.name: stage for stage in view.stages}
    assert list(stages) == [
        "prepare", "language", "transcribe", "align", "diarize", "emotion", "merge", "redact",
    ]  # fmt: skip
    assert {name for name, stage in stages.items() if stage.status != "completed"} == {"emotion"}
    assert "emotion was left out: no engine that does emotion is up" in view.warnings[0]
    assert transcript.language == "en"
    assert [speaker.id for speaker in transcript.speakers] == ["S1"]
    words = [word for segment in transcript.segments for word in segment.words]
    assert {word.speaker for word in words} == {"S1"}
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert "[PERSON]" in transcript.text
    assert "Dashwood" not in transcript.text
    assert {redacted.kind for redacted in transcript.redactions} == {"PERSON"}
    await client.audio(view.id, 0, tmp_path / "redacted.wav")
    with wave.open(str(tmp_path / "redacted.wav")) as track:
        assert track.getnframes() / track.getframerate() == pytest.approx(view.audio_s, abs=0.1)
    made = {mark.stage: mark.engine for mark in transcript.provenance}
    assert made["align"] == "pocketsphinx"
    assert made["redact"] == "presidio"


async def test_one_transcriber_does_for_another_and_gets_the_times_of_words_from_a_third(
    client: Client,
) -> None:
    view, transcript = await done(client, engines={"transcribe": "moonshine"})
    assert [stage.engine for stage in view.stages] == [
        "audio_prepare", "moonshine", "pocketsphinx", "merge",
    ]  # fmt: skip
    words = [word for segment in transcript.segments for word in segment.words]
    assert len(words) > 60
    assert all(word.end > word.start for word in words)
    assert words[3].text == "Dashwood"


async def test_what_was_corrected_goes_over_to_another_hearing_with_speakers(
    client: Client,
) -> None:
    view, heard = await done(client, engines={"transcribe": "moonshine"})
    said = heard.segments[0].text
    assert "Dashwood" in said
    await client.edit(view.id, 0, said.replace("Dashwood", "Dashwud"))
    reply = await client.call("POST", f"/v1/jobs/{view.id}/retry", json={"diarize": True})
    again = msgspec.json.decode(reply.content, type=JobView)
    async with asyncio.timeout(600):
        while not again.edited:
            await asyncio.sleep(0.5)
            again = await client.job(again.id)
    text = await client.transcript(again.id)
    words = msgspec.json.decode(text, type=Transcript).segments[0].words
    (mended,) = [word for word in words if word.text == "Dashwud"]
    assert (mended.speaker, mended.probability) == ("S1", None)
    assert 0 < mended.start < mended.end < 3
    assert "Dashwood" in await client.transcript(again.id, version="original")
    events = (await client.events(again.id)).events
    (edit,) = [one for one in events if one.type == "dev.dalston.transcript.edited.v1"]
    assert f'"carried_from":"{view.id}"' in edit.meta
