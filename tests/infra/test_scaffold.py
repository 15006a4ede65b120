import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import scaffold
from streams.offers import PREFERRED

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout as small as an engine needs."""
    for folder in ("streams", "engines/sdk", "engines/merge"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "engines/__init__.py", tmp_path / "engines/__init__.py")
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def run(checkout: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(checkout)}
    return subprocess.run(
        [sys.executable, *command], cwd=checkout, env=environ, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("opener", "prepare"), ("tongue", "language"), ("my_engine", "transcribe"),
        ("who", "diarize"), ("mood", "emotion"), ("tidy", "cleanup"), ("mask", "redact"),
    ],
)  # fmt: skip
def test_a_new_engine_passes_its_test_and_the_house_rules(
    checkout: Path, name: str, stage: str
) -> None:
    files = scaffold.new(name, stage, checkout)
    assert all(path.is_file() for path in files)
    tested = run(checkout, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/engines/{name}")
    assert tested.returncode == 0, tested.stdout
    places = [f"engines/{name}", f"tests/engines/{name}"]
    for check in (["ruff", "check"], ["ruff", "format", "--check"], ["mypy"]):
        checked = run(checkout, "-m", *check, *places)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_stage_of_a_job_can_be_begun() -> None:
    assert scaffold.KINDS.keys() == PREFERRED.keys()


def test_a_new_engine_runs_alone(checkout: Path) -> None:
    scaffold.new("my_engine", "cleanup", checkout)
    (checkout / "transcribe.json").write_text(
        '{"duration": 1, "segments": [{"start": 0, "end": 1, "text": "so  it"}]}'
    )
    ran = run(checkout, "-m", "engines.my_engine", "transcribe.json")
    assert '"text": "so it"' in ran.stdout, ran.stderr


@pytest.mark.parametrize(
    ("name", "stage", "words"),
    [
        ("My-Engine", "cleanup", "'My-Engine' cannot be the name of the engine"),
        ("class", "cleanup", "'class' cannot be"),
        ("merge", "merge", "is there already"),
        ("fine", "shouting", "'shouting' is no stage of a job; there are: prepare, language"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    checkout: Path, name: str, stage: str, words: str
) -> None:
    before = sorted(checkout.rglob("*"))
    with pytest.raises(scaffold.CannotScaffold, match=words):
        scaffold.new(name, stage, checkout)
    assert sorted(checkout.rglob("*")) == before


def test_a_folder_that_is_no_checkout_is_named(tmp_path: Path) -> None:
    with pytest.raises(scaffold.CannotScaffold, match="no checkout of Dalston"):
        scaffold.new("fine", "cleanup", tmp_path)
