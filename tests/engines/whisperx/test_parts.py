"""What needs no model: names, letters, windows."""

import json
from pathlib import Path

import pytest

from engines.sdk.contract import InvalidInput
from engines.whisperx import models, text
from engines.whisperx.engine import BY_LANGUAGE, WhisperX
from engines.whisperx.settings import AlignSettings
from engines.whisperx.windows import STEP, spans


def shelve(folder: Path, name: str, kind: str = models.KIND) -> None:
    path = folder / name
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"architectures": [kind]}))
    (path / "model.safetensors").write_bytes(b"")


def test_only_alignment_models_are_announced_each_for_its_language(tmp_path: Path) -> None:
    shelve(tmp_path, "de-mine")
    shelve(tmp_path, "owner/any")
    shelve(tmp_path, "tiny", kind="WhisperForConditionalGeneration")
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "wav2vec2_voxpopuli.pt").write_bytes(b"")
    engine = WhisperX(AlignSettings(models_dir=str(tmp_path)))
    assert engine.models() == ("de-mine", "fr", "owner/any")
    assert engine.default_model() == BY_LANGUAGE
    assert engine.languages() == {"de-mine": ("de",), "fr": ("fr",), BY_LANGUAGE: ("de", "fr")}


def test_without_a_model_there_is_no_default_unless_one_may_be_fetched(tmp_path: Path) -> None:
    folder = str(tmp_path / "none")
    assert WhisperX(AlignSettings(models_dir=folder)).default_model() is None
    fetching = WhisperX(AlignSettings(models_dir=folder, align_download=True))
    assert (fetching.default_model(), fetching.languages()) == (BY_LANGUAGE, {})


def test_a_path_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="outside of"):
        models.Shelf(tmp_path).find("../other")


def test_letters_are_told_as_the_vocabulary_writes_them() -> None:
    known = {"a", "b", "|"}
    assert [one.sign for one in text.letters(["Ab", "7"], "en", known)] == ["a", "b", "|", "7"]
    assert [one.sign for one in text.letters(["a", "b"], "zh", known)] == ["a", "b"]
    assert [one.sign for one in text.letters(["İ"], "tr", known)] == ["İ"]


@pytest.mark.parametrize("length", [399, 16_000, 64_000, 64_001, 200_000, 1_000_003])
def test_windows_keep_every_frame_once(length: int) -> None:
    kept = 0
    for span in spans(length, 64_000):
        frames = max(1, (span.end - span.start - 400) // STEP + 1)
        assert span.start % STEP == 0
        assert span.start // STEP + span.skip == kept
        kept += (frames if span.keep is None else span.keep) - span.skip
        assert span.keep is None or span.keep <= frames
    assert kept == max(1, (length - 400) // STEP + 1)
