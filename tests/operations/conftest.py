"""Homes in a temporary folder, whose stacks are stopped whatever happens."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from infra.local import stack
from infra.local.stack import NotRunning
from tests.operations.place import Place

Homes = Callable[..., Place]


@pytest.fixture
async def homes(tmp_path: Path) -> AsyncIterator[Homes]:
    """Make a place by its name."""
    made: list[Place] = []

    def make(name: str, **environ: str) -> Place:
        made.append(Place(tmp_path / name, environ))
        return made[-1]

    yield make
    for place in made:
        with suppress(NotRunning):
            await stack.down(place.home)
