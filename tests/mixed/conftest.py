"""Parts of two versions on one set of servers."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from streams.settings import Settings
from tests.mixed.parts import Parts
from tests.mixed.trees import NoHistory, Tree, release

LEASE_S = 5.0


@pytest.fixture(scope="session", params=["v0.3.0", pytest.param("v0.1.0", marks=pytest.mark.long)])
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """The release before this one, and the first one."""
    try:
        return release(request.param, tmp_path_factory.mktemp("trees"))
    except NoHistory as missing:
        pytest.skip(str(missing))


@pytest.fixture
async def parts(settings: Settings, tmp_path: Path) -> AsyncIterator[Parts]:
    """Nothing runs yet; what a test starts is stopped when it ends."""
    running = Parts(msgspec.structs.replace(settings, lease_s=LEASE_S), tmp_path)
    yield running
    await running.stop_all()
