"""Homes in a temporary folder, whose stacks are stopped whatever happens."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from infra.local import stack
from infra.local.stack import NotRunning
from streams.settings import Settings
from tests.operations.parts import ENGINES, Parts
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


@pytest.fixture
async def parts(settings: Settings, tmp_path: Path) -> AsyncIterator[Parts]:
    """Projector, web and engines as processes of their own, on the servers of the tests."""
    made = Parts(tmp_path)
    try:
        await made.start(settings, "projector", "web", *ENGINES)
        yield made
    finally:
        await made.stop_all()
