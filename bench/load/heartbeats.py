"""The heartbeats of a thousand replicas: what they cost the servers, and that the dead expire."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import httpx
from redis.asyncio import Redis

from bench.load.crew import Helper, crew
from bench.load.gauges import Gauges, Sample
from bench.load.place import progress, stack
from bench.load.presences import Order
from bench.report import Row
from infra.local.record import variables
from infra.local.stack import Stack
from projector import database
from projector.timers import Timers
from streams.connection import connect
from streams.keys import Keys
from streams.registry import TTL_S
from streams.settings import Settings

PROCESSES = 4
ASKED, TICKS = 100, 20
EXPIRE_S = TTL_S + 5.0
"""A heartbeat's time to live, and what a busy machine takes to notice."""
FORGET_S = 90.0
"""Twice the lease, the pace of healing, and some more, until the names of the dead go too."""


@dataclass(frozen=True)
class Heartbeats:
    """So many replicas, watched for so many seconds."""

    replicas: int
    seconds: float = 30.0
    home: Path | None = None


async def run(load: Heartbeats) -> list[Row]:
    """Measure without them, with them, and while half of them die and the rest leaves."""
    async with stack(load.home, 0) as running, Gauges(running) as gauges:
        rows = await _measured("nobody", running, gauges, load.seconds / 3)
        step = load.replicas / PROCESSES
        edges = [round(step * number) for number in range(PROCESSES + 1)]
        known = variables(running.settings)
        orders = [Order(edges[n], edges[n + 1], known) for n in range(PROCESSES)]
        began = time.monotonic()
        async with crew("bench.load.presences", orders) as helpers:
            await asyncio.gather(*(helper.hear(int) for helper in helpers))
            progress(f"{load.replicas} are up after {time.monotonic() - began:.0f} s")
            who = f"{load.replicas:,} replicas"
            rows += await _measured(who, running, gauges, load.seconds)
            rows += await _died(running, helpers[: PROCESSES // 2], edges[PROCESSES // 2])
        return rows + await _left(running)


async def _measured(who: str, running: Stack, gauges: Gauges, seconds: float) -> list[Row]:
    before = await gauges.sample(0)
    commands = await _commands(running.settings)
    await asyncio.sleep(seconds)
    after = await gauges.sample(0)
    commands = await _commands(running.settings) - commands
    passed = after.at - before.at
    held, clients = (after.values[name] for name in ("valkey used", "valkey clients"))
    written = (after.values["valkey disk"] - before.values["valkey disk"]) / passed
    projector, web = (after.values[f"memory {name}"] / 1e6 for name in ("projector", "web"))
    asked = f"{commands / passed:,.0f} commands/s"
    return [
        Row(f"{who}: Valkey", f"{_busy(before, after, 'valkey')}, {asked}"),
        Row(f"{who}: projector", _busy(before, after, "projector")),
        Row(f"{who}: web", _busy(before, after, "web")),
        Row(f"{who}: Valkey's memory, clients", f"{held / 1e6:.1f} MB, {clients:.0f}"),
        Row(f"{who}: Valkey's disk grows by", f"{written / 1e3:,.0f} kB/s"),
        Row(f"{who}: memory of projector, web", f"{projector:.0f}, {web:.0f} MB"),
        await _engines(who, running.running.web.url),
        await _ticks(who, running.settings),
    ]


def _busy(before: Sample, after: Sample, name: str) -> str:
    used = after.values[f"cpu {name}"] - before.values[f"cpu {name}"]
    return f"{used / (after.at - before.at):.1%} of a processor"


async def _commands(settings: Settings) -> int:
    async with connect(settings.redis_url) as redis:
        return int((await redis.info("stats"))["total_commands_processed"])


async def _engines(who: str, url: str) -> Row:
    """The page's list of engines, as often as it is asked for."""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:

        async def ask() -> None:
            (await client.get("/v1/engines")).raise_for_status()

        return await _timed(f"{who}: GET /v1/engines", ask, ASKED)


async def _ticks(who: str, settings: Settings) -> Row:
    """The timers' look at everything, by a second set of them beside the projector's own."""
    pool = database.engine(settings, pool=1)
    async with connect(settings.redis_url) as redis, pool.connect() as connection:
        timers = Timers(settings, redis)
        row = await _timed(f"{who}: a tick of the timers", lambda: timers.tick(connection), TICKS)
    await pool.dispose()
    return row


async def _timed(what: str, act: Callable[[], Awaitable[None]], times: int) -> Row:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        await act()
        taken.append((time.perf_counter() - began) * 1000)
    marks = quantiles(taken, n=100)
    return Row(what, f"p50 {marks[49]:.1f} ms, p99 {marks[98]:.1f} ms")


async def _died(running: Stack, doomed: list[Helper], count: int) -> list[Row]:
    """Kill some processes: all of their replicas must go off the list, each with its event."""
    for helper in doomed:
        os.kill(helper.process.pid, signal.SIGKILL)
    began = time.monotonic()
    async with _registry(running.settings) as (redis, keys):
        there = int(await redis.zcard(keys.replicas))
        while int(await redis.zcard(keys.replicas)) > there - count:
            if time.monotonic() - began > 2 * EXPIRE_S + 30:
                break
            await asyncio.sleep(0.1)
        taken = time.monotonic() - began
        left = int(await redis.zcard(keys.replicas))
    return [
        Row("killed, and off the list", f"{there - left:,} of {count:,} after {taken:.1f} s",
            f"all in {EXPIRE_S:.0f} s", there - left == count and taken <= EXPIRE_S),
        await _told(running, "engine.expired", count),
    ]  # fmt: skip


async def _told(running: Stack, name: str, count: int) -> Row:
    """Each once in the archive."""
    pool = database.engine(running.settings, pool=1)
    query = f"SELECT count(*), count(DISTINCT job) FROM events WHERE type = '{name}'"
    async with pool.connect() as connection:
        for _ in range(50):
            found = tuple((await connection.exec_driver_sql(query)).one())
            await connection.commit()
            if found[1] >= count:
                break
            await asyncio.sleep(0.2)
    await pool.dispose()
    return Row(f"… {name}, replicas", f"{found[0]:,}, {found[1]:,}", f"{count:,} each",
               tuple(found) == (count, count))  # fmt: skip


async def _left(running: Stack) -> list[Row]:
    """After those that were told to go have gone, nothing of anybody may be there."""
    async with _registry(running.settings) as (redis, keys):
        began, taken, names = time.monotonic(), 0.0, 1
        while names and taken < FORGET_S:
            await asyncio.sleep(1.0)
            names = await _consumers(redis, keys)
            taken = time.monotonic() - began
        listed = int(await redis.zcard(keys.replicas))
        alive = [key async for key in redis.scan_iter(f"{keys.replica('')}*", count=1000)]
        lives = [
            int(await redis.pttl(key))
            async for key in redis.scan_iter(f"{keys.job('*')}", count=1000)
        ]
    lasting = sum(life < 0 for life in lives)
    return [
        Row("when all have gone: listed, heartbeats", f"{listed}, {len(alive)}", "none",
            not listed and not alive),
        Row("… names of the dead in the queues", f"{names}, gone after {taken:.0f} s", "none",
            not names),
        Row("… keys of theirs without a time to live", f"{lasting} of {len(lives):,}", "none",
            not lasting),
    ]  # fmt: skip


async def _consumers(redis: Redis, keys: Keys) -> int:
    """Names in the groups of all queues."""
    count = 0
    async for queue in redis.scan_iter(f"{keys.queue('')}*", count=1000):
        count += len(await redis.xinfo_consumers(queue, Keys.GROUP))
    return count


@asynccontextmanager
async def _registry(settings: Settings) -> AsyncIterator[tuple[Redis, Keys]]:
    async with connect(settings.redis_url) as redis:
        yield redis, Keys(settings.key_prefix, settings.partition)
