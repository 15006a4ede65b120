import asyncio
import json
import wave
from pathlib import Path

import msgspec
import numpy as np
import pytest

from engines.moonshine.engine import Moonshine
from engines.sdk import wav
from streams.transcript import LanguageFound, Transcript
from tests.engines.conftest import Alone, EnginePython
from tests.engines.media import encode, quiet
from tests.engines.words import SAID, SAMPLE, error_rate

pytestmark = [
    pytest.mark.engines,
    pytest.mark.timeout(600),  # the first of them builds the environment
]

MOONSHINE = "moonshine"
FIGURES = """
import json, sys
from pathlib import Path
import msgspec
from engines.moonshine.engine import Moonshine
from engines.sdk import testing
from engines.sdk.memory import peak
outcome = testing.run(Moonshine(), tracks=[Path(name) for name in sys.argv[1:]])
run = {"s": outcome.run_s, "load_s": outcome.load_s, "peak": peak(), "progress": outcome.progress}
run["told"] = [[one.start, one.end, one.text] for one in outcome.heard]
print(json.dumps({**run, "output": json.loads(msgspec.json.encode(outcome.output))}))
"""


async def heard(alone: Alone, *arguments: object) -> Transcript:
    ran = await alone(MOONSHINE, *arguments)
    assert ran.code == 0, ran.errors
    return msgspec.json.decode(ran.output, type=Transcript)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample as this engine, which has no PyAV, takes it."""
    wav.convert(SAMPLE, tmp_path / "sample.wav")
    return tmp_path / "sample.wav"


def row(path: Path) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return raw.astype(np.float32) / np.float32(32_768)


async def test_it_hears_what_is_said(
    engine_python: EnginePython, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    child = await asyncio.create_subprocess_exec(
        await engine_python(MOONSHINE), "-c", FIGURES, sample, stdout=asyncio.subprocess.PIPE
    )
    found = json.loads((await child.communicate())[0])
    output = msgspec.convert(found["output"], Transcript)
    assert found["told"] == [[s.start, s.end, s.text] for s in output.segments]
    errors = error_rate(SAID, output.text)
    with capsys.disabled():
        print(
            f"\ntiny-en: WER {errors:.3f}, RTF {found['s'] / output.duration:.3f}, "
            f"load {found['load_s']:.2f} s, peak {found['peak'] / 1e6:.0f} MB"
        )
    assert errors < 0.1
    assert found["peak"] < 450e6
    assert len(found["progress"]) >= 2
    assert output.language == "en"
    assert output.warnings == ()
    made = output.provenance[0]
    assert (made.model, len(made.model_sha256 or "")) == ("tiny-en", 64)


async def test_segments_have_times_and_no_words(alone: Alone, sample: Path) -> None:
    output = await heard(alone, sample)
    assert [segment.words for segment in output.segments] == [()] * len(output.segments)
    starts = [segment.start for segment in output.segments]
    assert len(starts) >= 4
    assert starts == sorted(starts)
    assert all(0 <= one.start < one.end <= output.duration for one in output.segments)


async def test_speech_after_a_long_silence_keeps_its_time(
    alone: Alone, sample: Path, tmp_path: Path
) -> None:
    late = np.concatenate([quiet(100)[0], row(sample)])[None, :]
    output = await heard(alone, encode(tmp_path / "late.wav", late))
    assert 100 < output.segments[0].start < 101.5
    assert error_rate(SAID, output.text) < 0.1


async def test_speech_without_a_pause_loses_little_at_the_cuts(
    alone: Alone, sample: Path, tmp_path: Path
) -> None:
    frames = row(sample)[: 16_000 * 28].reshape(-1, 1600)
    loud = np.sqrt((frames**2).mean(axis=1)) > 0.008
    spoken = frames[loud | np.roll(loud, 1)].reshape(1, -1)
    speech = np.concatenate([spoken, spoken, spoken], axis=1)
    output = await heard(alone, encode(tmp_path / "tight.wav", speech))
    assert error_rate(" ".join([SAID] * 3), output.text) < 0.12


@pytest.mark.parametrize("kind", ["nothing", "noise", "hum", "clicks", "chord"])
async def test_what_is_no_speech_gives_no_text(alone: Alone, tmp_path: Path, kind: str) -> None:
    time = np.arange(40 * 16_000) / 16_000
    sounds = {
        "nothing": 0 * time,
        "noise": np.random.default_rng(5).normal(0, 0.05, len(time)),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * time),
        "clicks": 0.9 * (np.arange(len(time)) % 8_000 == 0),
        "chord": sum(0.15 * np.sin(2 * np.pi * hertz * time) for hertz in (220, 277, 330)),
    }
    sound = np.asarray(sounds[kind], np.float32)[None, :]
    output = await heard(alone, encode(tmp_path / f"{kind}.wav", sound))
    assert output.segments == ()
    assert output.language is None
    assert output.warnings == ("no speech was found",)


async def test_a_language_that_was_found_before_is_told_when_it_is_another(
    alone: Alone, sample: Path, tmp_path: Path
) -> None:
    document = tmp_path / "language.json"
    german = LanguageFound(duration=28.9, language="de", probability=0.97)
    document.write_bytes(msgspec.json.encode(german))
    output = await heard(alone, sample, document)
    assert output.warnings[0].startswith("the language is 'de' (0.97)")
    assert error_rate(SAID, output.text) < 0.1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--option", "language=de"), "does not take language 'de'"),
        (("--option", "task=translate"), "cannot translate"),
        (("--model", "enormous"), "moonshine has no model 'enormous'; it has: tiny-en"),
        (("--option", "temperature=1"), "does not know the option temperature"),
    ],
)
async def test_what_cannot_be_done_is_refused_with_the_reason(
    alone: Alone, sample: Path, arguments: tuple[str, ...], says: str
) -> None:
    ran = await alone(MOONSHINE, sample, *arguments)
    assert ran.code == 1
    assert says in ran.errors


async def test_unloading_gives_the_memory_back(engine_python: EnginePython) -> None:
    program = """
from engines.moonshine.engine import Moonshine
from engines.sdk.memory import status_bytes
engine = Moonshine()
engine.load("tiny-en")
loaded = status_bytes("self", "VmRSS")
engine.unload()
print(loaded - status_bytes("self", "VmRSS"))
engine.load("tiny-en")
"""
    child = await asyncio.create_subprocess_exec(
        await engine_python(MOONSHINE), "-c", program, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    assert child.returncode == 0
    assert int(output) > 20e6


def test_without_its_library_it_has_no_model() -> None:
    assert Moonshine().models() == ()
    assert Moonshine().default_model() is None
