"""When the page is built anew, and with which Node."""

import shutil
from pathlib import Path

import pytest

from infra import page


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page is made of, to be changed."""
    for name in page.SOURCES:
        there = page.UI / name
        copy = shutil.copytree if there.is_dir() else shutil.copy2
        copy(there, tmp_path / name)
    monkeypatch.setattr(page, "UI", tmp_path)
    return tmp_path


def test_it_is_the_content_that_counts_and_not_the_time(sources: Path) -> None:
    before = page.digest()
    (sources / "src" / "main.tsx").touch()
    assert page.digest() == before


@pytest.mark.parametrize("name", ["src/main.tsx", "src/styles/tokens.css", "package-lock.json"])
def test_any_change_of_a_source_is_seen(sources: Path, name: str) -> None:
    before = page.digest()
    with (sources / name).open("a") as file:
        file.write("\n")
    assert page.digest() != before


def test_a_new_file_and_another_name_are_seen(sources: Path) -> None:
    digests = {page.digest()}
    (sources / "src" / "new.ts").write_text("export {};\n")
    digests.add(page.digest())
    (sources / "src" / "new.ts").rename(sources / "src" / "newer.ts")
    digests.add(page.digest())
    assert len(digests) == 3


@pytest.mark.parametrize(
    ("version", "fits"),
    [("v18.20.4", False), ("v20.18.9", False), ("v20.19.0", True), ("v24.1.0", True)],
)
def test_a_node_that_is_too_old_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, fits: bool
) -> None:
    for name in "node", "npm":
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert page.new_enough() is fits


def test_no_node_at_all_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not page.new_enough()


def test_the_locks_of_the_page_name_no_address() -> None:
    lock = (page.UI / "package-lock.json").read_text()
    assert '"resolved"' not in lock
    assert "://" not in (page.UI / "node.lock").read_text()
