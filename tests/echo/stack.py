"""A stack whose engines are echoes: many jobs a minute on a small machine."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.echo.engines import ENGINES

ROOT = Path(__file__).parents[2]
ENV = shutil.which("env") or "/usr/bin/env"
COMMANDS = {
    kind.name: (ENV, f"PYTHONPATH={ROOT}", sys.executable, "-m", "tests.echo", stage)
    for stage, kind in ENGINES.items()
}
"""For `Options.commands`; the checkout is named, for an engine's way there is its own affair."""


def replicas(count: int | Mapping[str, int] = 1) -> dict[str, int]:
    """For `Options.engines`: so many replicas of each engine, or as named."""
    if isinstance(count, int):
        return dict.fromkeys(COMMANDS, count)
    return {name: count.get(name, 1) for name in COMMANDS}
