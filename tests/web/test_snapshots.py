"""Snapshots are read once for all who ask at once, whoever of them goes."""

import asyncio

from tests.web.conftest import Served, post, settled


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
