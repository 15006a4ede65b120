"""Connections to Postgres that fall mute are closed: nobody waits on one for ever.

A network can swallow all that is sent without ever closing a connection. Postgres for its part ends
sessions that hold a lock and say nothing (see `database.engine` and `leader`).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector.database import raw

SILENCE_S = 30.0
"""Far longer than any step takes that is used with it, and short enough to be worth waiting."""


@asynccontextmanager
async def watched(connection: AsyncConnection, seconds: float = SILENCE_S) -> AsyncIterator[None]:
    """Close the connection if what is done meanwhile takes longer.

    asyncpg's own timeout would not do: it asks the server to cancel, and waits for the answer.
    """
    driver = await raw(connection)
    late = asyncio.get_running_loop().call_later(seconds, driver.terminate)
    try:
        yield
    finally:
        late.cancel()


@asynccontextmanager
async def begun(pool: AsyncEngine, seconds: float = SILENCE_S) -> AsyncIterator[AsyncConnection]:
    """A transaction that fails if its connection falls mute: while it is got, used or committed."""
    async with AsyncExitStack() as stack:
        # The watch is left last, for it is the commit that it is to watch.
        watch = await stack.enter_async_context(AsyncExitStack())
        async with asyncio.timeout(seconds):
            connection = await stack.enter_async_context(pool.begin())
            await watch.enter_async_context(watched(connection, seconds))
        yield connection
