"""`make setup`, done with the registry on a small project of its own."""

import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "dalston"
version = "0"
[tool.hatch.build.targets.wheel]
packages = ["tiny"]
"""
BUILDER = (
    "editables",
    "hatchling",
    "packaging",
    "pathspec",
    "pluggy",
    "tomlkit",
    "trove-classifiers",
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with one package, and locks cut from ours."""
    for folder in ("infra", "tiny"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "infra" / "setup.py", tmp_path / "infra")
    (tmp_path / "tiny" / "__init__.py").write_text("")
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.lock").write_text(cut("requirements.lock", BUILDER))
    (tmp_path / "requirements-dev.lock").write_text(cut("requirements-dev.lock", ("iniconfig",)))
    return tmp_path


def cut(lock: str, names: tuple[str, ...]) -> str:
    """The entries of some packages of one of our locks."""
    text = (ROOT / lock).read_text()
    entries = re.findall(r"^[^ \n]+(?:[^\\\n]*\\\n)+.*\n?", text, re.MULTILINE)
    return "".join(entry for entry in entries if entry.split("==")[0] in names)


def setup(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "infra/setup.py", ".venv", *arguments],
        cwd=project, capture_output=True, text=True, check=False,
    )  # fmt: skip


def imports(project: Path, module: str) -> bool:
    command = [str(project / ".venv/bin/python"), "-c", f"import {module}"]
    return subprocess.run(command, cwd="/", capture_output=True, check=False).returncode == 0


def test_setup_makes_everything_once(project: Path) -> None:
    first = setup(project)
    assert first.returncode == 0, first.stderr
    assert re.findall(r"✓ ([a-z ]+) \(\d+\.\d s\)\n", first.stdout) == [
        *("environment", "packages", "dalston itself"),
    ]
    assert imports(project, "tiny")
    assert not imports(project, "iniconfig")
    before = time.monotonic()
    again = setup(project)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert time.monotonic() - before < 1
    more = setup(project, "--dev")
    assert more.stdout.startswith("✓ development packages")
    assert imports(project, "iniconfig")


def test_a_lock_that_does_not_fit_says_what_the_installer_said(project: Path) -> None:
    (project / "requirements.lock").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    failed = setup(project)
    assert failed.returncode == 1
    assert "setup: packages:" in failed.stderr
    assert "HASH" in failed.stderr.upper()
    assert setup(project).returncode == 1  # it left no stamp


def test_no_lock_names_an_index_or_a_host() -> None:
    for lock in [*ROOT.glob("*.lock"), *ROOT.glob("engines/*/requirements.lock")]:
        text = lock.read_text()
        assert "://" not in text, lock
        assert "--index" not in text, lock
        assert "--hash=sha256:" in text, lock
