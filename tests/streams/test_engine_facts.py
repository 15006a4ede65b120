from redis.asyncio import Redis

from streams.commit import Ledger
from streams.events import EngineDrained, EngineRegistered
from streams.keys import Keys
from streams.log import Head, Log

REPLICA = "toy@host-0"


async def test_a_replica_counts_its_events_though_it_keeps_no_state(
    redis: Redis, key_prefix: str
) -> None:
    keys = Keys(key_prefix)
    log = Log(redis, keys)
    await log.create(Head(0, "", 1))
    came = EngineRegistered(engine="toy", stage="prepare", engine_version="1", replica=REPLICA)
    left = EngineDrained(engine="toy", replica=REPLICA)
    for fact in (came, left, came):
        ledger = Ledger(redis, keys)
        await ledger.transition(REPLICA, lambda _, __, fact=fact: (fact,))  # type: ignore[misc]
    assert [(e.job, e.rev, e.fact) for e in await log.read(0)] == [
        (REPLICA, 1, came),
        (REPLICA, 2, left),
        (REPLICA, 3, came),
    ]
