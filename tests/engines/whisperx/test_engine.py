import asyncio
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from streams.transcript import Segment, Transcript, Word
from tests.engines.conftest import Alone, EnginePython, Ran
from tests.engines.whisperx import tones

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

BARE = Path(__file__).with_name("bare.py")
EDGE_S = 0.5
QUIET = np.zeros(int(EDGE_S * 16_000), np.float32)


def document(folder: Path, *segments: Segment, language: str | None = "en") -> Path:
    duration = max((segment.end for segment in segments), default=0.0) + EDGE_S
    path = folder / "transcribe.json"
    path.write_bytes(msgspec.json.encode(Transcript(duration, segments, language)))
    return path


def transcript(ran: Ran) -> Transcript:
    assert ran.code == 0, ran.errors
    return msgspec.json.decode(ran.output, type=Transcript)


@pytest.mark.parametrize("times", [1, 12])  # the second is longer than what is heard at once
async def test_words_and_characters_are_found_where_they_are(
    alone: Alone, models_dir: Path, tmp_path: Path, times: int
) -> None:
    text = " ".join([tones.TEXT] * times)
    audio = tones.write(tmp_path / "tones.wav", [QUIET, tones.samples(text), QUIET])
    segment = Segment(EDGE_S, EDGE_S + 0.1 * len(text), text)
    ran = await alone(
        "whisperx",
        audio,
        document(tmp_path, segment),
        "--option",
        "character_timestamps=true",
        DALSTON_MODELS_DIR=str(models_dir),
    )
    found = transcript(ran)
    (after,) = found.segments
    assert (after.text, after.start, after.end) == (text, segment.start, segment.end)
    assert " ".join(word.text for word in after.words) == text
    for word, (start, end) in zip(after.words, tones.spans(text), strict=True):
        assert abs(word.start - EDGE_S - start) < 0.1
        assert abs(word.end - EDGE_S - end) < 0.1
        assert "".join(one.text for one in word.characters) == word.text
        assert word.start == word.characters[0].start
        assert word.probability is not None
        assert 0 < word.probability <= 1
    assert found.warnings == ()
    assert [mark.stage for mark in found.provenance] == ["align"]
    assert found.provenance[0].model == "en"


async def test_it_finds_what_the_bare_library_finds(
    alone: Alone, engine_python: EnginePython, models_dir: Path, tmp_path: Path
) -> None:
    """Numbers and signs among it; the segment is all of the audio, so that there is no slack."""
    text = tones.TEXT.replace("egad", "e7ad").replace("face", "fa¢e").replace("bag", "Bag,")
    audio = tones.write(tmp_path / "tones.wav", [tones.samples(tones.TEXT)])
    heard = document(tmp_path, Segment(0.0, 0.1 * len(tones.TEXT), text))
    found = transcript(await alone("whisperx", audio, heard, DALSTON_MODELS_DIR=str(models_dir)))
    child = await asyncio.create_subprocess_exec(
        await engine_python("whisperx"),
        BARE,
        models_dir / "en",
        audio,
        heard,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await child.communicate()
    assert child.returncode == 0
    theirs = json.loads(output.decode().partition("RESULT")[2])
    ours = found.segments[0].words
    assert [word.text for word in ours] == [one["word"] for one in theirs]
    for word, one in zip(ours, theirs, strict=True):
        assert abs(word.start - one["start"]) < 0.002
        assert abs(word.end - one["end"]) < 0.002
        assert word.probability == pytest.approx(one["score"], abs=0.002)


async def test_what_no_model_speaks_keeps_what_it_has(
    alone: Alone, models_dir: Path, tmp_path: Path
) -> None:
    audio = tones.write(tmp_path / "tones.wav", [tones.samples(tones.TEXT)])
    here = {"DALSTON_MODELS_DIR": str(models_dir)}
    word = Word("abc", 0.1, 0.4, 0.9)
    said = Segment(0.0, 1.0, "abc", words=(word,))
    ran = await alone("whisperx", audio, document(tmp_path, said, language="xx"), **here)
    found = transcript(ran)
    assert found.segments == (said,)
    reason = "no alignment model for 'xx' is here; languages that have one: en"
    assert found.warnings == (f"words were not aligned: {reason}",)
    mixed = (Segment(0.0, 0.3, "bad"), Segment(0.4, 0.8, "cafe x", language="fr"))
    found = transcript(await alone("whisperx", audio, document(tmp_path, *mixed), **here))
    assert [len(segment.words) for segment in found.segments] == [1, 2]
    assert found.segments[1].words[0].probability is None
    assert "1 of 2 segments were not aligned (the model is for 'en', not 'fr')" in found.warnings[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "no model is here: put one"),
        (("--model", "../../etc"), "is a path outside of"),
        (("--model", "nobody"), "unknown model 'nobody'; here: none; to download: OWNER/NAME"),
        (("--model", "fi"), "could not be downloaded (HF_HUB_OFFLINE forbids it)"),
    ],
)
async def test_a_model_that_cannot_be_had_is_named_with_the_cure(
    alone: Alone, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    audio = tones.write(tmp_path / "tones.wav", [tones.samples("bad")])
    heard = document(tmp_path, Segment(0.0, 0.3, "bad"))
    ran = await alone(
        "whisperx",
        audio,
        heard,
        *arguments,
        DALSTON_MODELS_DIR=str(tmp_path / "models"),
        HF_HUB_OFFLINE="1",
    )
    assert ran.code == 1
    assert says in ran.errors


async def test_a_corrupt_model_says_so(alone: Alone, models_dir: Path, tmp_path: Path) -> None:
    broken = tmp_path / "models" / "en"
    broken.mkdir(parents=True)
    for path in (models_dir / "en").iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "model.safetensors").write_bytes(b"nothing of the kind")
    audio = tones.write(tmp_path / "tones.wav", [tones.samples("bad")])
    ran = await alone(
        "whisperx",
        audio,
        document(tmp_path, Segment(0.0, 0.3, "bad")),
        "--model",
        "en",
        DALSTON_MODELS_DIR=str(tmp_path / "models"),
    )
    assert ran.code == 1
    assert "does not load" in ran.errors
