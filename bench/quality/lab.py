"""Where the bench works: its folder, its own environment, and programs in environments."""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.local.environment import Environment, build, of_engine
from infra.local.steps import Step

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
ENVIRONMENTS = ROOT / ".dalston" / "envs"
KEPT = ROOT / ".dalston" / "bench"
"""What was fetched and made, for the next time."""


def say(line: str) -> None:
    """A line of progress, with the time of day."""
    print(time.strftime("%H:%M:%S"), line, flush=True)


async def python(name: str) -> Path:
    """The interpreter of an engine's environment; built unless it is there."""
    return await build(of_engine(name, ENVIRONMENTS), os.environ, told)


async def own_python() -> Path:
    """The interpreter of the bench's own environment."""
    return await build(Environment("bench-quality", HERE, KEPT / "env"), os.environ, told)


async def ask(interpreter: Path, script: str, question: object) -> Any:
    """Run one of our scripts there: JSON in, and the last line that it prints is JSON, too.

    Other lines are progress and shown.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    child = await asyncio.create_subprocess_exec(
        interpreter, HERE / script,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE, limit=1 << 26,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert child.stdin
    assert child.stdout
    assert child.stderr
    errors = asyncio.create_task(child.stderr.read())
    child.stdin.write(json.dumps(question, default=str).encode())
    child.stdin.close()
    last = b"null"
    async for line in child.stdout:
        if line.startswith(b"# "):
            say(line[2:].decode().rstrip())
        else:
            last = line
    if await child.wait():
        raise RuntimeError(f"{script} failed:\n{(await errors).decode()[-3000:]}")
    return json.loads(last)


async def run(command: Sequence[str | Path]) -> None:
    """Run a program to its end.

    Raises:
        RuntimeError: it failed; with its last words.
    """
    child = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await child.communicate()
    if child.returncode:
        raise RuntimeError(f"{command[0]} failed:\n{output.decode()[-3000:]}")


def told(step: Step) -> None:
    """Show what takes long."""
    if step.state == "built" or step.fraction == 0.0:
        say(f"{step.name} {step.state}")
