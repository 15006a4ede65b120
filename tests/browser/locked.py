"""A stack that wants keys, as `dalston up --keys` makes one."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from infra.local.options import Options
from infra.local.stack import Stack
from projector import database, keys
from web.callers import DEFAULT


@asynccontextmanager
async def locked_stack(home: Path) -> AsyncIterator[tuple[str, str]]:
    """(address, the first admin's key) of a stack without engines."""
    options = Options(home=home, environ=dict(os.environ), engines={}, auth="keys")
    async with Stack(options) as stack:
        engine = database.engine(stack.settings, pool=1)
        try:
            async with engine.begin() as connection:
                secret = await keys.first(connection, tenant=DEFAULT)
        finally:
            await engine.dispose()
        assert secret, "somebody made a key before"
        yield stack.running.web.url, secret
