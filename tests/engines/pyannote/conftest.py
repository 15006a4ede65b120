"""`run`: cases of driver.py, in the engine's environment, the model loaded once for all of them.

`talk` is the sample that pyannote.audio brings along (30 s, two people, MIT), `turns` who speaks in
it by its own file; `reading` are 15 s of our sample (one person), `silence` are 12 s of nothing.
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

DRIVER = Path(__file__).with_name("driver.py")

Run: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture(scope="session")
async def brought(engine_python: EnginePython) -> Path:
    python = await engine_python("pyannote")
    [folder] = python.parents[1].glob("lib/python*/site-packages/pyannote/audio/sample")
    return folder


@pytest.fixture(scope="session")
def talk(brought: Path) -> Path:
    return brought / "sample.wav"


@pytest.fixture(scope="session")
def turns(brought: Path) -> list[tuple[float, float, str]]:
    fields = [line.split() for line in (brought / "sample.rttm").read_text().splitlines()]
    return [(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fields]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("audio")


@pytest.fixture(scope="session")
def reading(folder: Path) -> Path:
    wav.convert(SAMPLE, folder / "whole.wav")
    wav.write(folder / "reading.wav", samples(folder / "whole.wav")[: 15 * wav.RATE])
    return folder / "reading.wav"


@pytest.fixture(scope="session")
def silence(folder: Path) -> Path:
    wav.write(folder / "silence.wav", array.array("h", bytes(2 * 12 * wav.RATE)))
    return folder / "silence.wav"


@pytest.fixture(scope="session")
def run(engine_python: EnginePython, folder: Path) -> Run:
    async def go(cases: dict[str, Any], **settings: str) -> dict[str, Any]:
        child = await asyncio.create_subprocess_exec(
            await engine_python("pyannote"),
            str(DRIVER),
            json.dumps(cases, default=str),
            env={**os.environ, "DALSTON_MODELS_DIR": str(folder / "models"), **settings},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await child.communicate()
        assert child.returncode == 0, errors.decode()[-3000:]
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found

    return go


def samples(path: Path) -> "array.array[int]":
    with wave.open(str(path)) as file:
        return array.array("h", file.readframes(file.getnframes()))
