import hashlib
import sys
from pathlib import Path

import pytest

from engines.faster_whisper import models
from engines.faster_whisper.engine import FasterWhisper
from engines.faster_whisper.models import Shelf
from engines.faster_whisper.settings import WhisperSettings
from engines.sdk.contract import InvalidInput


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    for name in ("mine", "models--Systran--faster-whisper-small/snapshots/abc", "empty"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("mine", "models--Systran--faster-whisper-small/snapshots/abc"):
        (tmp_path / name / "model.bin").write_bytes(b"weights")
    (tmp_path / "models--you--yours" / "snapshots" / "abc").mkdir(parents=True)
    (tmp_path / "models--you--yours" / "snapshots" / "abc" / "model.bin").write_bytes(b"weights")
    return Shelf(tmp_path)


def test_names_are_those_that_need_no_download(shelf: Shelf) -> None:
    assert set(shelf.names()) - {"tiny.en"} == {"mine", "small", "you/yours"}


def test_a_folder_that_is_not_there_has_none(tmp_path: Path) -> None:
    assert set(Shelf(tmp_path / "nowhere").names()) <= {"tiny.en"}


def test_a_model_is_found_by_name_and_by_path(shelf: Shelf) -> None:
    assert shelf.find("mine") == shelf.folder / "mine"
    assert shelf.find(str(shelf.folder / "mine")) == shelf.folder / "mine"


@pytest.mark.parametrize("name", ["/etc", "../x", "mine/../../x", "/"])
def test_paths_out_of_the_folder_are_refused(shelf: Shelf, name: str) -> None:
    with pytest.raises(InvalidInput, match="outside of"):
        shelf.find(name)


def test_a_hash_is_that_of_the_weights_and_new_when_they_are(shelf: Shelf) -> None:
    folder = shelf.folder / "mine"
    assert models.sha256(folder) == hashlib.sha256(b"weights").hexdigest()
    (folder / "model.bin").write_bytes(b"other weights")
    assert models.sha256(folder) == hashlib.sha256(b"other weights").hexdigest()


def test_the_supervisor_learns_the_models_without_the_library(shelf: Shelf) -> None:
    engine = FasterWhisper(WhisperSettings(models_dir=str(shelf.folder), whisper_model="mine"))
    assert "small" in engine.models()
    assert engine.default_model() == "mine"
    assert not {"faster_whisper", "ctranslate2"} & sys.modules.keys()


def test_english_only_models_announce_it(tmp_path: Path) -> None:
    (tmp_path / "base.en").mkdir()
    (tmp_path / "base.en" / "model.bin").touch()
    engine = FasterWhisper(WhisperSettings(models_dir=str(tmp_path)))
    assert engine.languages()["base.en"] == ("en",)
