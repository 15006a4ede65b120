import asyncio
import json
import shutil
import subprocess
import wave
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engines.sdk import wav
from engines.spoken_language.engine import SpokenLanguage
from engines.spoken_language.settings import LanguageSettings
from streams.transcript import LanguageFound
from tests.engines.conftest import ROOT, Alone, EnginePython
from tests.engines.media import encode, quiet
from tests.engines.words import SAMPLE

pytestmark = [
    pytest.mark.engines,
    pytest.mark.timeout(600),  # the first of them builds the environment
]

ENGINE = "spoken_language"
MODELS = {"DALSTON_MODELS_DIR": str(ROOT / ".dalston" / "test-models")}
SPOKEN = {
    "de": "Guten Morgen, meine Damen und Herren. Wir beginnen heute mit dem Bericht über den "
    "Haushalt, danach sprechen wir über das Wetter und die neue Schule in unserer Stadt.",
    "fr": "Bonjour mesdames et messieurs. Nous commençons aujourd'hui par le rapport sur le "
    "budget, puis nous parlerons du temps et de la nouvelle école de notre ville.",
    "es": "Buenos días, señoras y señores. Hoy empezamos con el informe sobre el presupuesto, "
    "después hablaremos del tiempo y de la nueva escuela de nuestra ciudad.",
}
FIGURES = """
import json, sys
from pathlib import Path
import msgspec
from engines.spoken_language.engine import SpokenLanguage
from engines.sdk import memory, testing
outcome = testing.run(SpokenLanguage(), tracks=[Path(name) for name in sys.argv[1:]])
run = {"s": outcome.run_s, "load_s": outcome.load_s, "peak": memory.peak()}
print(json.dumps({**run, "output": json.loads(msgspec.json.encode(outcome.output))}))
"""


async def found(alone: Alone, *arguments: object) -> LanguageFound:
    ran = await alone(ENGINE, *arguments, **MODELS)
    assert ran.code == 0, ran.errors
    return msgspec.json.decode(ran.output, type=LanguageFound)


def synthetic(folder: Path, language: str) -> Path:
    """A sentence by a synthetic voice, as a track."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs espeak-ng (Debian's package of that name)")
    raw, track = folder / f"{language}-raw.wav", folder / f"{language}.wav"
    command = ["espeak-ng", "-v", language, "-s", "140", "-w", str(raw), SPOKEN[language]]
    subprocess.run(command, check=True)
    wav.convert(raw, track)
    return track


def row(path: Path) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return raw.astype(np.float32) / np.float32(32_768)


async def test_english_is_english(alone: Alone) -> None:
    output = await found(alone, SAMPLE)
    assert output.language == "en"
    assert output.probability is not None
    assert output.probability > 0.9
    assert output.scores["en"] == output.probability
    assert len(output.scores) == 10
    assert list(output.scores.values()) == sorted(output.scores.values(), reverse=True)
    assert output.warnings == ()
    made = output.provenance[0]
    assert (made.model, (made.model_sha256 or "")[:8]) == ("base", "d01c3014")


@pytest.mark.parametrize("language", SPOKEN)
async def test_other_languages_are_themselves(alone: Alone, tmp_path: Path, language: str) -> None:
    output = await found(alone, synthetic(tmp_path, language))
    assert output.language == language


async def test_a_second_language_is_told(alone: Alone, tmp_path: Path) -> None:
    german = row(synthetic(tmp_path, "de"))
    wav.convert(SAMPLE, tmp_path / "en.wav")
    english = row(tmp_path / "en.wav")
    minute = 60 * 16_000
    filled = [np.pad(part, (0, minute - len(part))) for part in (english, english, german)]
    output = await found(alone, encode(tmp_path / "two.wav", np.concatenate(filled)[None, :]))
    assert output.language == "en"
    assert output.warnings == ("another language is spoken, too: 'de' in 1 of 3 stretches",)


async def test_speech_late_in_long_audio_is_found_in_bounded_memory_and_time(
    engine_python: EnginePython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DALSTON_MODELS_DIR", MODELS["DALSTON_MODELS_DIR"])
    wav.convert(SAMPLE, tmp_path / "en.wav")
    hour = np.concatenate([quiet(3_000)[0], row(tmp_path / "en.wav"), quiet(600)[0]])
    late = encode(tmp_path / "late.wav", hour[None, :])
    child = await asyncio.create_subprocess_exec(
        await engine_python(ENGINE), "-c", FIGURES, late, stdout=asyncio.subprocess.PIPE
    )
    figures = json.loads((await child.communicate())[0])
    assert figures["output"]["language"] == "en"
    assert figures["peak"] < 700e6
    print(f"\nbase: {figures['s']:.1f} s for an hour, load {figures['load_s']:.1f} s")


@pytest.mark.parametrize("kind", ["nothing", "noise", "hum", "chord"])
async def test_without_speech_there_is_no_language(alone: Alone, tmp_path: Path, kind: str) -> None:
    time = np.arange(70 * 16_000) / 16_000
    sounds = {
        "nothing": 0 * time,
        "noise": np.random.default_rng(5).normal(0, 0.05, len(time)),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * time),
        "chord": sum(0.15 * np.sin(2 * np.pi * hertz * time) for hertz in (220, 277, 330)),
    }
    sound = np.asarray(sounds[kind], np.float32)[None, :]
    output = await found(alone, encode(tmp_path / f"{kind}.wav", sound))
    assert (output.language, output.probability, output.scores) == (None, None, {})
    assert output.warnings == ("no speech was found",)


async def test_the_model_that_was_put_together_is_the_transcribers_too(
    alone: Alone, tmp_path: Path
) -> None:
    folder = {"DALSTON_MODELS_DIR": str(tmp_path / "models")}
    assert (await alone(ENGINE, SAMPLE, **folder)).code == 0
    heard = await alone("faster_whisper", SAMPLE, "--model", "base", **folder)
    assert heard.code == 0, heard.errors
    assert json.loads(heard.output)["provenance"][0]["model_sha256"].startswith("d01c3014")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--model", "enormous"), "spoken_language has no model 'enormous'; it has: base"),
        (("--option", "temperature=1"), "does not know the option temperature"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    alone: Alone, arguments: tuple[str, ...], says: str
) -> None:
    ran = await alone(ENGINE, SAMPLE, *arguments, **MODELS)
    assert ran.code == 1
    assert says in ran.errors


async def test_a_corrupt_model_says_so(alone: Alone, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "model.bin").write_bytes(b"nothing of the kind")
    ran = await alone(ENGINE, SAMPLE, "--model", "mine", DALSTON_MODELS_DIR=str(tmp_path))
    assert ran.code == 1
    assert "model 'mine'" in ran.errors
    assert "does not load" in ran.errors


def test_without_wheels_or_a_folder_it_has_no_model(tmp_path: Path) -> None:
    engine = SpokenLanguage(LanguageSettings(models_dir=str(tmp_path)))
    assert engine.models() == ()
    assert engine.default_model() is None
