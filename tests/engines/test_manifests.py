import importlib
import tomllib
from pathlib import Path

import pytest

from engines.faster_whisper.settings import WhisperSettings
from engines.sdk.contract import Engine
from infra.local import environment

ROOT = Path(__file__).parents[2]
OURS = environment.engines()
DOCUMENT = (ROOT / "docs" / "engines.md").read_text()


@pytest.mark.parametrize("name", OURS)
def test_a_manifest_says_what_the_class_says(name: str) -> None:
    manifest = tomllib.loads((ROOT / "engines" / name / "engine.toml").read_text())
    found = [
        value
        for value in vars(importlib.import_module(f"engines.{name}.engine")).values()
        if isinstance(value, type) and issubclass(value, Engine) and value is not Engine
    ]
    assert [(one.name, one.stage) for one in found] == [(manifest["name"], manifest["stage"])]
    assert {"summary", "licence", "languages", "memory_mb", "models"} <= manifest.keys()


@pytest.mark.parametrize("name", OURS)
def test_an_engine_is_in_the_table(name: str) -> None:
    assert f"| `{name}` |" in DOCUMENT


@pytest.mark.parametrize("name", OURS)
def test_a_lock_has_hashes_and_the_kit_in_it(name: str) -> None:
    lock = (ROOT / "engines" / name / "requirements.lock").read_text()
    kit = (ROOT / "engines" / "sdk" / "requirements.in").read_text().split("\n")
    assert all(line in lock for line in kit if "==" in line)
    assert lock.count("--hash=sha256:") > lock.count("==")
    assert "://" not in lock


@pytest.mark.parametrize("field", WhisperSettings.__struct_fields__)
def test_every_setting_is_documented(field: str) -> None:
    assert f"`DALSTON_{field.upper()}`" in DOCUMENT
