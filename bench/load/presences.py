"""Many replicas of engines in one process, each with its own connections; none gets a task.

All of the kit but the child and the health server, which rest too: claim, register, heartbeat,
waiting on the queue, listening for nudges, and leaving on SIGTERM.
"""

import asyncio
import os
import signal
from collections.abc import Mapping

import msgspec
import uvloop

from bench.load.crew import order, say
from engines.sdk.replica import Replica
from engines.sdk.runner import Runner
from engines.sdk.settings import EngineSettings
from engines.sdk.slot import Slot
from streams.artifacts import Artifacts
from streams.commit import Ledger
from streams.connection import connect
from streams.keys import Keys
from streams.registry import Registry
from streams.settings import Settings, read
from streams.work import Queue
from tests.echo.engines import ENGINES


class Order(msgspec.Struct, frozen=True):
    """Replicas ``first`` to ``last`` of each of the three engines, by turns."""

    first: int
    last: int
    variables: dict[str, str]


def runner(number: int, variables: Mapping[str, str]) -> Runner:
    """Replica number ``number`` of all."""
    engine = list(ENGINES.values())[number % len(ENGINES)]()
    settings = Settings.from_env(variables)
    own = read(EngineSettings, {**variables, "DALSTON_PREWARM": "0"})
    own = msgspec.structs.replace(own, engine_slot=number, engine_host="load")
    redis = connect(settings.redis_url, connections=4)
    keys = Keys(settings.key_prefix, settings.partition)
    ledger = Ledger(redis, keys)
    name = own.replica(engine.name)
    return Runner(
        Replica(
            name=name, engine=engine, settings=settings, own=own, ledger=ledger,
            queue=Queue(redis, ledger, engine.name), registry=Registry(redis, keys),
            artifacts=Artifacts(settings), slot=Slot(engine, own),
            folder=own.folder(name, settings),
        )
    )  # fmt: skip


async def serve(given: Order) -> None:
    """All of them until SIGTERM; the parent is told when the last one is ready."""
    runners = [runner(number, given.variables) for number in range(given.first, given.last)]

    def drain() -> None:
        for one in runners:
            one.drain()

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, drain)
    work = [asyncio.create_task(one.run()) for one in runners]
    while not all(one.status.ready for one in runners):
        if ended := next((task for task in work if task.done()), None):
            ended.result()
        await asyncio.sleep(0.1)
    say(os.getpid())
    await asyncio.gather(*work)
    await asyncio.gather(*(one.replica.ledger.redis.aclose() for one in runners))


if __name__ == "__main__":
    uvloop.run(serve(order(Order)))
