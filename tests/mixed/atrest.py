"""What must be so at the end, whichever versions have worked together."""

import asyncio

from projector import database, queries
from streams.connection import connect
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.faults.invariants import check
from tests.mixed.parts import Parts
from tests.mixed.traffic import Traffic


async def folded(settings: Settings) -> None:
    """Wait until the projection has reached the end of the log."""
    engine = database.engine(settings)
    async with asyncio.timeout(60), connect(settings.redis_url) as redis:
        log = Log(redis, Keys(settings.key_prefix, settings.partition))
        while True:
            async with engine.connect() as connection:
                at = await queries.checkpoint(connection)
            if (head := await log.head()) and head.seq == at.seq:
                break
            await asyncio.sleep(0.1)
    await engine.dispose()


async def nothing_is_lost(parts: Parts, traffic: Traffic, settings: Settings) -> None:
    """All that was accepted is done, and the servers hold nothing that contradicts it."""
    await traffic.pause()
    await traffic.all_succeed()
    await folded(settings)
    await check(settings)
    assert not parts.died, parts.died
