"""The other version is the other version, or the test says why there is none."""

import subprocess
from pathlib import Path

import pytest

from tests.mixed.trees import ROOT, NoHistory, Tree, release


def test_a_clone_without_history_says_so(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path / "clone"], check=True)
    with pytest.raises(NoHistory, match="fetch the whole history"):
        release("v0.1.0", tmp_path / "trees", tmp_path / "clone")


def test_a_release_runs_its_own_code(old: Tree, tmp_path: Path) -> None:
    done = subprocess.run(
        old.command("streams.job"), env=old.environ, cwd=ROOT, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout == f"streams.job runs from {old.root}\n"


def test_a_tree_that_is_not_imported_is_not_run(tmp_path: Path) -> None:
    other = Tree("other", tmp_path)
    done = subprocess.run(
        other.command("streams.job"), env=Tree("today", ROOT).environ, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"is not in {tmp_path}" in done.stderr
