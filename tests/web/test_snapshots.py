"""When many come at once: snapshots are read once for all, and nobody waits for newcomers."""

import asyncio

from sqlalchemy import text

from tests.web.conftest import Served, post, settled
from web.backends import POOL


async def test_all_who_ask_at_once_share_one_reading_and_the_next_gets_a_new_one(
    served: Served,
) -> None:
    first = await post(served)
    await settled(served)
    snapshots = served.web.hub.snapshots
    asking = [asyncio.create_task(snapshots.of("default", None)) for _ in range(20)]
    await asyncio.sleep(0)
    asking.pop(0).cancel()
    some = await asyncio.gather(*asking)
    assert all(one is some[0] for one in some)
    assert [job.id for job in some[0].jobs] == [first]
    assert (await snapshots.of("other", None)).jobs == []
    assert (await snapshots.of("default", first)).jobs == some[0].jobs
    second = await post(served)
    await settled(served)
    assert [job.id for job in (await snapshots.of("default", None)).jobs] == [second, first]


async def test_whoever_waits_for_postgres_is_not_passed_by_newcomers(served: Served) -> None:
    backends, served_in_turn = served.web.backends, list[int]()

    async def read(number: int, again: int) -> None:
        async with backends.reading() as connection:
            served_in_turn.append(number)
            await connection.execute(text("SELECT pg_sleep(0.01)"))
        if again:
            await read(number + 100, again - 1)

    await asyncio.gather(*(read(number, 2) for number in range(100)))
    passed = max(at - number for at, number in enumerate(served_in_turn))
    assert passed <= 2 * 3 * POOL  # who has a turn may still wait for a new connection
