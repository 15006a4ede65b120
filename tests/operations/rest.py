"""When all is quiet: the projector has seen the end of the log, and every invariant holds."""

import asyncio

import asyncpg

from streams.connection import connect
from streams.events import Event
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.faults.invariants import check


async def archived(settings: Settings, seq: int) -> None:
    """Wait until the projector has taken in an event."""
    connection = await asyncpg.connect(settings.postgres_dsn)
    query = "SELECT seq FROM checkpoints WHERE name = 'fold'"
    async with asyncio.timeout(240):
        while await connection.fetchval(query) < seq:
            await asyncio.sleep(0.1)
    await connection.close()


async def at_rest(settings: Settings) -> list[Event]:
    """All invariants, once the projector has seen the end of the log."""
    async with connect(settings.redis_url) as redis:
        head = await Log(redis, Keys(settings.key_prefix)).head()
    assert head
    await archived(settings, head.seq)
    await asyncio.sleep(1.0)
    return list(await check(settings))
