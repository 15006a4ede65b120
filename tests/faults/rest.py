"""When all faults are healed the system comes to rest: everybody ready, nothing left to do."""

import asyncio
import time
from typing import Any

import httpx

from projector import database, queries
from projector.objects import Objects
from projector.sweep import Sweeper
from streams.connection import connect
from streams.keys import Keys
from streams.log import Log
from tests.faults.run import Absent, Run

PATIENCE_S = 150.0
STILL_S = 2.0
"""So long nothing may have happened before it counts as rest."""
UNSETTLED = (
    "SELECT id FROM jobs WHERE status NOT IN ('succeeded', 'failed', 'cancelled', 'blocked')"
)
BEHIND = (
    "SELECT name FROM checkpoints WHERE seq < (SELECT seq FROM checkpoints WHERE name = 'fold')"
)
WAITING = "SELECT id FROM submissions WHERE NOT landed AND id NOT IN (SELECT id FROM jobs)"


class Restless(AssertionError):
    """It does not come to rest; the message says what is still going on."""


async def come_to_rest(run: Run) -> float:
    """Seconds until everybody was ready and nothing happened any more.

    Raises:
        Restless: not within PATIENCE_S.
    """
    began = time.monotonic()
    still_since, before = began, -1
    while True:
        head, busy = await _look(run)
        now = time.monotonic()
        if busy or head != before:
            still_since, before = now, head
        elif now - still_since >= STILL_S:
            return now - began
        if now - began > PATIENCE_S:
            raise Restless(f"still not at rest after {PATIENCE_S:.0f} s: {'; '.join(busy)}")
        await asyncio.sleep(0.5)


async def sweep(run: Run) -> int:
    """Have what nothing names deleted now, however young; how many objects went."""
    settings = run.settings
    redis = connect(settings.redis_url, patience=2)
    engine = database.engine(settings, pool=1)
    keys = Keys(settings.key_prefix, settings.partition)
    try:
        async with Objects(settings) as objects:
            return await Sweeper(engine, objects, redis, keys, age_s=0.0).sweep()
    finally:
        await engine.dispose()
        await redis.aclose()


async def _look(run: Run) -> tuple[int, list[str]]:
    """The head of the log, and what keeps the system from being at rest."""
    try:
        async with asyncio.timeout(10):
            busy = await _not_ready(run)
            head, unfinished = await _unfinished(run)
    except (TimeoutError, OSError, LookupError, *database.AWAY) as error:
        return -1, [f"{type(error).__name__}: {error}"]
    return head, busy + unfinished


async def _not_ready(run: Run) -> list[str]:
    running = run.stack.running
    places = {name: one.health for name, one in running.engines.items()}
    places |= {"web": running.web.url, "projector": running.projector.health}
    busy = []
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        for name, place in places.items():
            try:
                ready = (await http.get(f"{place}/readyz")).status_code == 200
            except httpx.HTTPError:
                ready = False
            busy += [] if ready else [f"{name} is not ready"]
    for name in run.names():
        try:
            run.pid_of(name)
        except Absent as absent:
            busy.append(str(absent))
    return busy


async def _unfinished(run: Run) -> tuple[int, list[str]]:
    settings = run.settings
    redis: Any = connect(settings.redis_url, patience=2)
    engine = database.engine(settings, pool=1)
    keys = Keys(settings.key_prefix, settings.partition)
    busy = []
    try:
        head = await Log(redis, keys).head()
        async with engine.connect() as connection:
            at = await queries.checkpoint(connection)
            driver = await database.raw(connection)
            for what, query in (
                ("unsettled", UNSETTLED), ("behind the fold", BEHIND), ("not submitted", WAITING),
            ):  # fmt: skip
                rows = await driver.fetch(query)
                busy += [f"{len(rows)} {what}: {rows[0][0]}"] if rows else []
        if head is None or (head.seq, head.id) != (at.seq, at.id):
            busy.append(f"the log ends at {head}, the archive at {at}")
        return (head.seq if head else -1), busy
    finally:
        await engine.dispose()
        await redis.aclose()
