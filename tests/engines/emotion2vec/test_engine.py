"""The real library on a tiny emotion2vec of random weights, and the bare library beside it."""

import re
import shutil
from pathlib import Path

import msgspec
import pytest

from streams.transcript import Emotions, Segment, Transcript
from tests.engines.conftest import Alone, Ran
from tests.engines.emotion2vec.conftest import EMOTION2VEC, Run

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]  # the first builds the environment

LABELS = {"angry", "disgusted", "happy", "neutral", "unknown"}
BARE = """
import json, sys, wave
import numpy as np
from funasr import AutoModel
with wave.open(sys.argv[2], "rb") as file:
    audio = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768
model = AutoModel(model=sys.argv[1], device="cpu", disable_update=True, disable_pbar=True)
def scores(start, end):
    piece = audio[int(start * 16000):int(end * 16000)]
    found = model.generate(input=[piece], granularity="utterance", extract_embedding=False)[0]
    return [round(score, 4) for score in found["scores"]]
print(json.dumps([scores(*json.loads(pair)) for pair in sys.argv[3:]]))
"""
LONG = """
import json, sys
from pathlib import Path
import msgspec
from engines.emotion2vec.engine import Emotion2vec
from engines.sdk import memory, testing
from streams.transcript import Transcript
heard = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=Transcript)
outcome = testing.run(Emotion2vec(), tracks=[Path(name) for name in sys.argv[2:]],
                      documents={"transcribe": heard})
print(json.dumps({"peak": memory.peak(), "progress": outcome.progress,
                  "channels": [span.channel for span in outcome.output.spans],
                  "labels": [span.emotion.label for span in outcome.output.spans]}))
"""


def emotions(ran: Ran) -> Emotions:
    assert ran.code == 0, ran.errors
    return msgspec.json.decode(ran.output, type=Emotions)


def shelf(folder: Path, tiny: Path, *names: str) -> dict[str, str]:
    """Settings under which only these models are there."""
    for name in names:
        shutil.copytree(tiny / name, folder / name)
    return {"DALSTON_MODELS_DIR": str(folder)}


def transcript(path: Path, *segments: Segment) -> Path:
    path.write_bytes(msgspec.json.encode(Transcript(duration=28.93, segments=segments)))
    return path


async def test_each_segment_has_the_scores_that_the_bare_library_gives(
    alone: Alone, run: Run, tiny: Path, track: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "plus")
    heard = transcript(
        tmp_path / "transcribe.json",
        Segment(0.5, 4.0, "a"),
        Segment(4.0, 4.3, "too short"),
        Segment(5.0, 9.0, "b"),
        Segment(9.0, 29.0, "long: two windows, the second one cut at the end of the audio"),
    )
    found = emotions(await alone(EMOTION2VEC, track, heard, **settings))
    bare = await run(BARE, tiny / "plus", track, "[0.5, 4.0]", "[5.0, 9.0]")
    assert [(span.start, span.end) for span in found.spans] == [(0.5, 4.0), (5.0, 9.0), (9.0, 29.0)]
    for span, scores in zip(found.spans, bare, strict=False):
        assert list(span.emotion.scores.values()) == pytest.approx(scores, abs=2e-4)
    for span in found.spans:
        assert span.emotion.scores.keys() == LABELS
        assert sum(span.emotion.scores.values()) == pytest.approx(1, abs=1e-3)
        best = max(span.emotion.scores.values())
        assert span.emotion.scores[span.emotion.label] == best
    assert found.provenance[0].model == "plus"
    assert found.warnings == ()


async def test_nothing_long_enough_is_a_warning_and_no_guess(
    alone: Alone, tiny: Path, track: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "plus")
    heard = transcript(tmp_path / "transcribe.json", Segment(1.0, 1.2, "hm"))
    found = emotions(await alone(EMOTION2VEC, track, heard, **settings))
    assert found.spans == ()
    assert "no segment could be judged" in found.warnings[0]


async def test_a_file_that_is_not_whole_or_not_safe_is_refused(
    alone: Alone, tiny: Path, track: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "featureless")
    heard = transcript(tmp_path / "transcribe.json", Segment(1.0, 3.0, "x"))
    evil = shutil.copytree(tiny / "plus", tmp_path / "m" / "evil")
    mark = tmp_path / "ran"
    program = f"feature_encoder_spec: \"__import__('pathlib').Path('{mark}').touch()\""
    config = (evil / "config.yaml").read_text()
    (evil / "config.yaml").write_text(re.sub("feature_encoder_spec: .*", program, config))
    other = shutil.copytree(tiny / "plus", tmp_path / "m" / "other")
    (other / "configuration.json").write_text('{"file_path_metas": {"config": "x.yaml"}}')
    for model, says in (
        ("featureless", "has no labels"),
        ("evil", "not to be trusted"),
        ("other", "not config.yaml"),
        ("nobody's", "unknown model"),
    ):
        ran = await alone(EMOTION2VEC, track, heard, "--model", model, **settings)
        assert ran.code == 1
        assert says in ran.errors.splitlines()[-1]
    assert not mark.exists()


async def test_channels_are_judged_on_their_tracks_and_long_audio_in_little_memory(
    run: Run, tiny: Path, track: Path, tmp_path: Path
) -> None:
    settings = shelf(tmp_path / "m", tiny, "plus")
    silence = tmp_path / "hum.wav"
    silence.write_bytes(track.read_bytes()[:44] + bytes(track.stat().st_size - 44))
    heard = transcript(
        tmp_path / "t.json", *(Segment(1.0, 9.0, "x", channel=channel) for channel in (0, 1, 0))
    )
    found = await run(LONG, heard, track, silence, **settings)
    assert found["channels"] == [0, 1, 0]
    assert found["progress"] == sorted(found["progress"])
    assert found["progress"][-1] == 1.0
    long = transcript(tmp_path / "long.json", Segment(0.0, 28.9, "x"), *[Segment(0, 28.9, "x")] * 9)
    many = await run(LONG, long, track, **settings)
    assert len(many["progress"]) == 20
    assert many["peak"] < found["peak"] + 80_000_000
