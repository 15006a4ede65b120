"""`models_dir`: a folder with `en`, the tiny model that reads tones; made once, in the engine's own
environment, in a minute of one core."""

import asyncio
import shutil
from pathlib import Path

import pytest

from infra.local.environment import locked
from tests.engines.conftest import ROOT, EnginePython

RECIPE = Path(__file__).with_name("tiny.py")


@pytest.fixture(scope="session")
async def models_dir(engine_python: EnginePython) -> Path:
    folder = ROOT / ".dalston" / "test-models-align"
    async with locked(folder.with_suffix(".lock")):
        model = folder / "en"
        made = model / "made-by.py"
        if not made.exists() or made.read_text() != RECIPE.read_text():
            shutil.rmtree(model, ignore_errors=True)
            python = await engine_python("whisperx")
            child = await asyncio.create_subprocess_exec(python, RECIPE, model)
            assert await child.wait() == 0
            shutil.copy(RECIPE, made)
    return folder
