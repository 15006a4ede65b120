import hashlib
import json
import sys
from pathlib import Path

import pytest

from engines.funasr import models
from engines.funasr.engine import FunASR, most_spoken
from engines.funasr.models import Model, Shelf
from engines.funasr.request import Options, asking, check, settled
from engines.funasr.settings import FunASRSettings
from engines.sdk.contract import InvalidInput, ModelUnavailable
from streams.transcript import Segment

SENSEVOICE = Model("s", Path(), "SenseVoiceSmall")


def folder(path: Path, kind: str, tokens: list[str] | None = None) -> Path:
    path.mkdir(parents=True)
    (path / "config.yaml").write_text(f"# a comment\nmodel: {kind}\nmodel_conf:\n    model: x\n")
    (path / "model.pt").write_bytes(b"weights")
    if tokens is not None:
        (path / "tokens.json").write_text(json.dumps(tokens))
    return path


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    folder(tmp_path / "mine", "BiCifParaformer", ["<blank>", "你", "a@@"])
    folder(tmp_path / "en", "Paraformer", ["<blank>", "the", "a@@"])
    folder(tmp_path / "iic" / "SenseVoiceSmall", "SenseVoiceSmall")
    folder(tmp_path / "iic" / "fsmn", "FsmnVADStreaming")
    folder(tmp_path / "emotions", "Emotion2vec")
    folder(tmp_path / ".x.part", "Paraformer")
    (tmp_path / "whisper").mkdir()
    (tmp_path / "whisper" / "model.bin").touch()
    (folder(tmp_path / "half", "Paraformer") / "model.pt").unlink()
    return Shelf(tmp_path)


def test_only_what_transcribes_is_announced_and_nothing_is_imported(shelf: Shelf) -> None:
    engine = FunASR(FunASRSettings(models_dir=str(shelf.folder), funasr_model="mine"))
    assert set(engine.models()) == {"mine", "en", "iic/SenseVoiceSmall"}
    assert engine.default_model() == "mine"
    assert engine.languages()["mine"] == ("zh", "en")
    assert engine.languages()["en"] == ("en",)
    assert engine.gives()["en"] == ("words",)
    assert engine.gives()["iic/SenseVoiceSmall"] == ("language", "emotion", "punctuation")
    assert not {"funasr", "torch"} & sys.modules.keys()


def test_none_here_announces_none_and_says_how_to_have_one(tmp_path: Path) -> None:
    engine = FunASR(FunASRSettings(models_dir=str(tmp_path / "nowhere")))
    assert (engine.models(), engine.default_model(), engine.gives()) == ((), None, {})
    with pytest.raises(ModelUnavailable, match=r"DALSTON_MODELS_DIR.*SenseVoiceSmall"):
        engine.load(None)


def test_the_detector_of_speech_is_found_but_is_no_model_of_its_own(shelf: Shelf) -> None:
    found = shelf.vad()
    assert found is not None
    assert found.name == "iic/fsmn"
    with pytest.raises(ModelUnavailable, match="is a FsmnVADStreaming"):
        shelf.own("iic/fsmn")


@pytest.mark.parametrize("name", ["/etc", "../x", "mine/../../x", "/"])
def test_paths_out_of_the_folder_are_refused(shelf: Shelf, name: str) -> None:
    with pytest.raises(InvalidInput, match="outside of"):
        shelf.own(name)


def test_a_hash_is_that_of_the_weights(shelf: Shelf) -> None:
    assert models.sha256(shelf.folder / "mine") == hashlib.sha256(b"weights").hexdigest()


def test_a_model_whose_tokens_are_unknown_tells_no_languages(tmp_path: Path) -> None:
    assert Model("x", folder(tmp_path / "x", "Paraformer"), "Paraformer").languages == ()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (Options(task="translate"), "faster_whisper"),
        (Options(initial_prompt="Dear"), "no initial_prompt"),
        (Options(language="de"), "does not take language 'de'; it takes: zh, yue, en, ja, ko"),
        (Options(hotwords="Dalston"), "takes no hotwords"),
    ],
)
def test_what_a_model_cannot_do_is_refused_with_the_cure(options: Options, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        check(SENSEVOICE, options)


@pytest.mark.parametrize("word", ["http://127.0.0.1/x", "x.txt", "/etc/passwd"])
def test_hotwords_that_the_library_would_fetch_or_open_are_refused(word: str) -> None:
    with pytest.raises(InvalidInput, match="give words"):
        check(Model("m", Path(), "SeacoParaformer"), Options(hotwords=f"fine {word}"))


def test_hotwords_reach_a_model_that_takes_them() -> None:
    model = Model("m", Path(), "SeacoParaformer")
    check(model, Options(hotwords="达尔斯顿 hello"))
    assert asking(model, "达尔斯顿 hello", None)["hotword"] == "达尔斯顿 hello"
    assert "hotword" not in asking(model, " ", None)


def test_a_language_that_was_detected_but_is_not_taken_is_a_warning() -> None:
    assert settled(SENSEVOICE, "ja", "ru") == ("ja", [])
    assert settled(SENSEVOICE, None, "en") == ("en", [])
    language, warnings = settled(SENSEVOICE, None, "ru")
    assert language is None
    assert "'ru'" in warnings[0]


def test_the_language_of_most_of_the_time_is_the_transcripts() -> None:
    parts = (Segment(0, 1, "a", language="en"), Segment(1, 5, "b", language="zh"))
    assert most_spoken(parts) == "zh"
    assert most_spoken((Segment(0, 1, "a"),)) is None
