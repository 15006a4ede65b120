"""The real library on tiny models of its own format, which say known things of a known clip."""

import shutil
from pathlib import Path

import msgspec
import pytest

from streams.transcript import Emotion, LanguageFound, Transcript
from tests.engines.conftest import Alone, Ran
from tests.engines.faster_whisper import hub
from tests.engines.funasr.conftest import Run

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]  # the first builds the environment

FUNASR = "funasr"
ALL = ("--option", "vad=false")  # the clip as a whole, as the models were made for it
BARE = """
import json, sys, wave
import numpy as np
from funasr import AutoModel
with wave.open(sys.argv[2], "rb") as file:
    audio = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
model = AutoModel(model=sys.argv[1], device="cpu", disable_update=True, disable_pbar=True)
found = model.generate(input=[audio], use_itn=True, output_timestamp=True)[0]
print(json.dumps({key: found[key] for key in ("text", "timestamp")}))
"""
LONG = """
import json, sys
from pathlib import Path
from engines.funasr.engine import FunASR
from engines.sdk import memory, testing
outcome = testing.run(FunASR(), tracks=[Path(name) for name in sys.argv[2:]],
                      options={"model": sys.argv[1]})
print(json.dumps({"peak": memory.peak(), "progress": outcome.progress,
                  "channels": sorted({part.channel for part in outcome.output.segments}, key=str),
                  "told": sorted(one.start for one in outcome.heard),
                  "starts": [part.start for part in outcome.output.segments]}))
"""
SHORT_OF_MEMORY = """
import json, resource, sys
from pathlib import Path
import numpy as np
from engines.funasr.listen import Listener
from engines.funasr.loading import loaded
from engines.funasr.pauses import Clip
from engines.sdk import memory
from engines.sdk.contract import OutOfMemory
listener = Listener(loaded(Path(sys.argv[1]), "cpu", 1), None, "cpu", ("float32",))
samples = np.ones(600 * 16000, np.float32)
list(listener.hear(samples, [Clip(0, 1)], {}))
most = memory.status_bytes("self", "VmSize") + 2_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
said = ""
try:
    list(listener.hear(samples, [Clip(0, 600)] * 4, {}))
except OutOfMemory as error:
    said = str(error)
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps(said))
"""


def transcript(ran: Ran) -> Transcript:
    assert ran.code == 0, ran.errors
    return msgspec.json.decode(ran.output, type=Transcript)


def shelf(folder: Path, tiny: Path, *names: str) -> dict[str, str]:
    """Settings under which only these models are there."""
    for name in names:
        shutil.copytree(tiny / name, folder / name)
    return {"DALSTON_MODELS_DIR": str(folder)}


async def test_paraformer_says_what_the_bare_library_says_with_a_time_for_each_word(
    alone: Alone, run: Run, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "paraformer")
    heard = transcript(await alone(FUNASR, clip, *ALL, **settings))
    bare = await run(BARE, tiny / "paraformer", clip)
    words = [word for segment in heard.segments for word in segment.words]
    assert heard.text == "你好hello世界wonderful"
    assert [word.text for word in words] == bare["text"].split()
    timed = [[round(word.start * 1000), round(word.end * 1000)] for word in words]
    assert timed[:-1] == bare["timestamp"][:-1]  # the last one may end behind the clip
    assert heard.language == "zh"
    made = heard.provenance[0]
    assert (made.model, made.parameters["architecture"]) == ("paraformer", "Paraformer")


async def test_sensevoice_gives_language_emotion_and_words_and_no_tags(
    alone: Alone, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "sensevoice")
    heard = transcript(await alone(FUNASR, clip, *ALL, **settings))
    assert [segment.text for segment in heard.segments] == ["hello world.", "good day to you."]
    assert [word.text for word in heard.segments[1].words] == ["good", "day", "to", "you."]
    assert [segment.emotion for segment in heard.segments] == [Emotion("happy")] * 2
    assert heard.language == "en"
    last = 0.0
    for word in (word for segment in heard.segments for word in segment.words):
        assert last <= word.start < word.end <= 6.0
        last = word.end


async def test_text_that_does_not_spell_its_tokens_goes_without_word_times(
    alone: Alone, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    """Asked for another language than it was made for, it stammers, and the library gives up."""
    settings = shelf(tmp_path / "m", tiny, "sensevoice")
    heard = transcript(await alone(FUNASR, clip, "--option", "language=zh", **settings))
    assert heard.segments
    assert heard.language in {"zh", "en"}


async def test_hotwords_are_taken_by_a_model_for_them(
    alone: Alone, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "seaco")
    heard = transcript(await alone(FUNASR, clip, *ALL, "--option", "hotwords=世界", **settings))
    assert heard.segments
    assert heard.provenance[0].parameters["hotwords"] == "世界"


@pytest.mark.parametrize(("vad", "hears"), [("hears-all", True), ("hears-nothing", False)])
async def test_a_detector_of_speech_decides_where_one_is_there(
    alone: Alone, tiny: Path, clip: Path, tmp_path: Path, vad: str, hears: bool
) -> None:
    settings = shelf(tmp_path / "m", tiny, "paraformer", vad)
    heard = transcript(await alone(FUNASR, clip, **settings))
    assert bool(heard.segments) == hears
    assert heard.warnings == (() if hears else ("no speech was found",))


async def test_a_detected_language_is_listened_in(
    alone: Alone, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "paraformer")
    found = tmp_path / "language.json"
    found.write_bytes(msgspec.json.encode(LanguageFound(6.0, "ru")))
    heard = transcript(await alone(FUNASR, clip, found, **settings))
    assert "'ru' was detected" in heard.warnings[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--model", "lacking"), "2 are missing"),
        (("--model", "junk"), "does not load"),
        (("--model", "hears-all"), "is a FsmnVADStreaming"),
        (("--model", "no such"), "unknown model 'no such'; here: junk, lacking"),
        (("--model", "paraformer", "--option", "language=de"), "it takes: zh, en"),
        (("--model", "paraformer", "--option", "task=translate"), "use engine faster_whisper"),
    ],
)
async def test_what_cannot_be_is_said_with_the_cure(
    alone: Alone, tiny: Path, clip: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    settings = shelf(tmp_path / "m", tiny, "paraformer", "lacking", "hears-all")
    junk = shutil.copytree(tiny / "paraformer", tmp_path / "m" / "junk")
    (junk / "model.pt").write_bytes(b"this is no model")
    ran = await alone(FUNASR, clip, *arguments, **settings)
    assert ran.code == 1
    assert says in ran.errors.splitlines()[-1]


async def test_without_any_model_it_says_how_to_have_one(
    alone: Alone, clip: Path, tmp_path: Path
) -> None:
    ran = await alone(FUNASR, clip, DALSTON_MODELS_DIR=str(tmp_path / "none"))
    assert ran.code == 1
    assert "SenseVoiceSmall or paraformer-zh" in ran.errors.splitlines()[-1]


async def test_a_model_comes_from_the_hub_whole_and_stays(
    alone: Alone, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    settings = {"DALSTON_MODELS_DIR": str(tmp_path / "m"), "DALSTON_FUNASR_HUB": "huggingface"}
    name = ("--model", "you/yours", *ALL)
    async with hub.serving("you/yours", tiny / "paraformer") as address:
        heard = transcript(await alone(FUNASR, clip, *name, HF_ENDPOINT=address, **settings))
    assert heard.text == "你好hello世界wonderful"
    assert [path.name for path in (tmp_path / "m").iterdir()] == ["you"]
    again = transcript(await alone(FUNASR, clip, *name, HF_HUB_OFFLINE="1", **settings))
    assert again.segments == heard.segments


@pytest.mark.parametrize("of", ["modelscope", "huggingface"])
async def test_a_hub_out_of_reach_is_said_soon(
    alone: Alone, clip: Path, tmp_path: Path, of: str
) -> None:
    nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "MODELSCOPE_DOMAIN": "127.0.0.1:9"}
    settings = {"DALSTON_MODELS_DIR": str(tmp_path / "m"), "DALSTON_FUNASR_HUB": of}
    name = "paraformer-zh"
    ran = await alone(FUNASR, clip, "--model", name, **nowhere, **settings)
    assert ran.code == 1
    assert "cannot be reached" in ran.errors.splitlines()[-1]
    assert "DALSTON_MODELS_DIR" in ran.errors.splitlines()[-1]


async def test_too_little_memory_is_called_so(run: Run, tiny: Path) -> None:
    said = await run(SHORT_OF_MEMORY, tiny / "paraformer")
    assert "even with batch 1, float32" in said


@pytest.mark.long
async def test_long_audio_takes_no_more_memory_and_tracks_keep_their_channels(
    run: Run, tiny: Path, clip: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "paraformer")
    short, long = tmp_path / "short.wav", tmp_path / "long.wav"
    frames = clip.read_bytes()[44:]
    for path, times in ((short, 50), (long, 500)):
        path.write_bytes(_header(len(frames) * times) + frames * times)
    few = await run(LONG, "paraformer", short, **settings)
    many = await run(LONG, "paraformer", long, short, **settings)
    assert many["channels"] == [0, 1]
    assert many["progress"] == sorted(many["progress"])
    assert len(many["progress"]) > 100
    assert max(many["starts"]) > 2990
    assert many["told"] == many["starts"]
    assert many["peak"] < few["peak"] + 60_000_000


def _header(size: int) -> bytes:
    parts = (b"RIFF", size + 36, b"WAVEfmt ", 16, 0x10001, 16_000, 32_000, 0x100002, b"data", size)
    return b"".join(p if isinstance(p, bytes) else p.to_bytes(4, "little") for p in parts)
