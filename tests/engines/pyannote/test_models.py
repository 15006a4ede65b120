from pathlib import Path

import msgspec
import pytest

from engines.pyannote import library
from engines.pyannote.engine import Options, Pyannote, _bounds, _check
from engines.pyannote.models import Shelf, sha256
from engines.pyannote.settings import PyannoteSettings
from engines.sdk.contract import InvalidInput, ModelUnavailable


def folder(shelf: Path, name: str) -> Path:
    path = shelf / name
    path.mkdir(parents=True)
    (path / "config.yaml").write_text("pipeline: {}")
    return path


def test_what_is_here_is_what_has_a_configuration(tmp_path: Path) -> None:
    folder(tmp_path, "ours")
    folder(tmp_path, "models--some--pipeline/snapshots/0a1b")
    (tmp_path / "whisper").mkdir()
    assert Shelf(tmp_path).names() == ("ours", "some/pipeline")


def test_a_shelf_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert Shelf(tmp_path / "none").names() == ()


def test_a_pipeline_of_ones_own_is_found_by_its_folder(tmp_path: Path) -> None:
    ours = folder(tmp_path, "ours")
    assert Shelf(tmp_path).own("ours") == ours
    assert Shelf(tmp_path).own("another") is None


@pytest.mark.parametrize("name", ["../secret", "/etc", "a/../../b"])
def test_a_path_out_of_the_models_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidInput, match="outside"):
        Shelf(tmp_path / "models").own(name)


def test_a_name_that_nobody_can_have_is_said_with_what_is_here(tmp_path: Path) -> None:
    folder(tmp_path, "ours")
    with pytest.raises(ModelUnavailable, match=r"unknown model 'nonsense'; here: ours"):
        Shelf(tmp_path).reach("nonsense")


def test_the_number_of_a_model_changes_with_any_of_its_files(tmp_path: Path) -> None:
    one, other = tmp_path / "one.bin", tmp_path / "other.bin"
    one.write_bytes(b"a")
    other.write_bytes(b"b")
    before = sha256([one, other])
    other.write_bytes(b"c")
    assert sha256([one, other]) != before


def test_without_any_model_the_engine_announces_none(tmp_path: Path) -> None:
    engine = Pyannote(PyannoteSettings(models_dir=str(tmp_path)))
    assert engine.models() == ()
    assert engine.default_model() is None
    with pytest.raises(ModelUnavailable, match="no model is here"):
        engine.load(None)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (Options(min_speakers=0), "min_speakers is 0"),
        (Options(max_speakers=-1), "max_speakers is -1"),
        (Options(min_speakers=3, max_speakers=2), r"min_speakers \(3\) is more than max_speakers"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(options: Options, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        _check(options)


def test_bounds_are_taken_as_they_are_for_one_track() -> None:
    assert _bounds(Options(min_speakers=2, max_speakers=4), 1) == (2, 4)


def test_of_several_tracks_each_has_somebody_of_its_own() -> None:
    assert _bounds(Options(min_speakers=2, max_speakers=4), 2) == (None, 3)
    assert _bounds(Options(max_speakers=1), 3) == (None, 1)


def test_a_number_of_speakers_that_is_none_is_no_option() -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"min_speakers": "two"}, Options)


def test_the_plain_torchaudio_says_that_its_compiled_part_is_not_there() -> None:
    module = library.plain()
    assert module.__dict__["_IS_TORCHAUDIO_EXT_AVAILABLE"] is False
    assert module.__dict__["fail_if_no_align"](len) is len


@pytest.mark.parametrize("name", ["evil/pipeline", "pyannotes/pipeline"])
def test_a_strangers_pipeline_is_not_fetched_for_whoever_names_it(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(ModelUnavailable, match=r"a pipeline's files are code.*PYANNOTE_MODEL"):
        Shelf(tmp_path).reach(name)
