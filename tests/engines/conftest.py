"""Engines in the environments that a stack gives them; built once, shared with `make demo`.

engine_python   await engine_python("merge") → the interpreter of that engine's environment.
alone           await alone("merge", …) → what `python -m engines.merge …` printed there.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest

from infra.local.environment import build, of_engine

ROOT = Path(__file__).parents[2]

EnginePython: TypeAlias = Callable[[str], Awaitable[Path]]
Alone: TypeAlias = Callable[..., Awaitable["Ran"]]


@dataclass(frozen=True)
class Ran:
    """How a program ended and what it said."""

    code: int
    output: bytes
    errors: str


@pytest.fixture(scope="session")
def engine_python() -> EnginePython:
    async def python(name: str) -> Path:
        return await build(of_engine(name, ROOT / ".dalston" / "envs"), os.environ)

    return python


@pytest.fixture
def alone(engine_python: EnginePython, tmp_path: Path) -> Alone:
    async def run(name: str, *arguments: object, **settings: str) -> Ran:
        child = await asyncio.create_subprocess_exec(
            await engine_python(name),
            "-m",
            f"engines.{name}",
            *map(str, arguments),
            env={**os.environ, **settings},
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await child.communicate()
        return Ran(child.returncode or 0, output, errors.decode())

    return run
