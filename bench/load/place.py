"""Where load is put on: a local stack with real servers, its engines echoes unless said."""

import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from infra.local.options import Options
from infra.local.record import Process
from infra.local.stack import Stack
from infra.local.steps import Step
from tests.echo.stack import COMMANDS, replicas

ROOT = Path(__file__).parents[2]


@contextlib.asynccontextmanager
async def stack(
    home: Path | None,
    engines: int | Mapping[str, int] = 1,
    *,
    real: bool = False,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[Stack]:
    """A stack, in a directory that goes away with it unless one is named.

    engines: replicas of each, or by name. real: the real engines instead of echoes.
    """
    with contextlib.ExitStack() as leaving:
        if home is None:
            home = Path(leaving.enter_context(tempfile.TemporaryDirectory(prefix="dalston-load-")))
        options = Options(
            home=home,
            environ={**os.environ, "DALSTON_PREWARM": "0", **(environ or {})},
            engines=replicas(engines) if engines else {},
            commands={} if real else COMMANDS,
            environments=ROOT / ".dalston" / "envs",
        )
        async with Stack(options, told) as running:
            yield running


def told(step: Step) -> None:
    """Only what is out of order is worth a line."""
    if step.state == "died":
        print(f"! {step.name} {step.state} {step.detail}", flush=True)


def processes(running: Stack) -> dict[str, Process]:
    """Every process of a stack by name, with the pid that it has now."""
    now = running.running
    return {
        "web": now.web, "projector": now.projector, "valkey": now.valkey,
        "postgres": now.postgres, "s3": now.s3, **now.engines,
    }  # fmt: skip


def progress(line: str) -> None:
    """Say how far it is, on standard error: the results alone go to standard output."""
    print(line, file=sys.stderr, flush=True)
