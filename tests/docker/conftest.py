"""The stack that a bare `docker compose up` gives, for all who look at it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.docker.stack import up


@pytest.fixture(scope="session")
def api() -> Iterator[httpx.Client]:
    """Its API, with an admin's key; `test_full` brings up more and puts it all down."""
    with up() as client:
        yield client
