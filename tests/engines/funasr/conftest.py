"""`tiny`: a folder with the tiny models of tiny.py, built once in the engine's environment.

`clip` is the audio that they were made for: six seconds of the sample. `run` runs a program in the
engine's environment and gives back the JSON that it printed last.
"""

import array
import asyncio
import json
import os
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from engines.sdk import wav
from tests.engines.conftest import EnginePython
from tests.engines.words import SAMPLE

BUILDER = Path(__file__).with_name("tiny.py")
SECONDS = 6

Run: TypeAlias = Callable[..., Awaitable[Any]]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    wav.convert(SAMPLE, folder / "whole.wav")
    with wave.open(str(folder / "whole.wav")) as whole:
        samples = array.array("h", whole.readframes(SECONDS * wav.RATE))
    wav.write(folder / "clip.wav", samples)
    return folder / "clip.wav"


@pytest.fixture(scope="session")
async def tiny(
    engine_python: EnginePython, clip: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    await program(await engine_python("funasr"), str(BUILDER), str(folder), str(clip))
    return folder


@pytest.fixture
def run(engine_python: EnginePython) -> Run:
    async def go(code: str, *arguments: object, **settings: str) -> Any:
        python = await engine_python("funasr")
        output = await program(python, "-c", code, *map(str, arguments), **settings)
        return json.loads(output.splitlines()[-1])

    return go


async def program(python: Path, *arguments: str, **settings: str) -> bytes:
    child = await asyncio.create_subprocess_exec(
        python,
        *arguments,
        env={**os.environ, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await child.communicate()
    assert child.returncode == 0, errors.decode()[-3000:]
    return output
