"""The measurement: rounds of ours, bare and ours beside slow readers, on one stack."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from bench import memory
from bench.load.crew import Helper, crew
from bench.load.place import progress, stack
from bench.web import bare
from bench.web.account import Phase, phase, processor
from bench.web.clients import Heard, Order, joined
from bench.web.traffic import Traffic, begun
from infra.local.stack import Stack
from streams.commit import Ledger
from streams.connection import connect
from streams.keys import Keys
from streams.log import Log

PROCESSES = 4
PATIENCE_S = 20.0
"""For the last message of a phase."""
ME = "127.0.0.1"


@dataclass(frozen=True)
class Load:
    """How many sockets follow how many jobs, how much these tell, and for how long, how often."""

    sockets: int
    jobs: int
    rate: float
    seconds: float
    rounds: int
    slow: int


@dataclass(frozen=True)
class Slow:
    """What readers were told that read nothing for a while, and whether they have it all."""

    count: int
    fell: int
    caught_up: int
    doubled: int
    missed: int


@dataclass(frozen=True)
class Round:
    """One of each; bytes are of a socket."""

    ours: Phase
    bare: Phase
    beside: Phase
    slow: Slow
    ours_each: float
    bare_each: float
    joined_s: float


@dataclass(frozen=True)
class Bench:
    """What all phases need."""

    load: Load
    running: Stack
    traffic: Traffic
    log: Log

    @property
    def web(self) -> int:
        """The web's process."""
        return self.running.running.web.pid or 0

    def revs(self) -> dict[str, int]:
        """Where the jobs stand."""
        return {job.id: job.rev for job in self.traffic.jobs}

    async def round(self) -> Round:
        """Ours, ours beside slow readers, bare."""
        address = urlsplit(self.running.running.web.url)
        port = address.port or 0
        before, began = memory.tree(self.web), time.monotonic()
        async with self._clients(port) as helpers:
            joined_s = time.monotonic() - began
            await asyncio.sleep(1)
            ours_each = (memory.tree(self.web) - before) / self.load.sockets
            ours = await self._phase(helpers, self.web)
            progress(f"  ours: {ours.marks}")
            order = Order(ME, port, [("", 0)] * self.load.slow, slow=True)
            async with crew("bench.web.clients", [order]) as slow:
                await slow[0].hear(int)
                beside = await self._phase(helpers, self.web)
                progress(f"  beside {self.load.slow} slow: {beside.marks}")
                read = await self._catch_up(slow[0])
        async with self._bare() as (helper, port):
            before = memory.tree(helper.process.pid)
            async with self._clients(port, greeted=False) as helpers:
                await asyncio.sleep(1)
                bare_each = (memory.tree(helper.process.pid) - before) / self.load.sockets
                bare = await self._phase(helpers, helper.process.pid)
                progress(f"  bare: {bare.marks}")
        return Round(ours, bare, beside, read, ours_each, bare_each, joined_s)

    @asynccontextmanager
    async def _clients(self, port: int, *, greeted: bool = True) -> AsyncIterator[list[Helper]]:
        """All sockets, joined and with what they missed meanwhile."""
        places = list(self.revs().items())
        places = [places[n % len(places)] for n in range(self.load.sockets)]
        orders = [Order(ME, port, places[n::PROCESSES], greeted=greeted) for n in range(PROCESSES)]
        async with crew("bench.web.clients", orders) as helpers:
            for helper in helpers:
                await helper.hear(int)
            await _heard(helpers)
            yield helpers

    @asynccontextmanager
    async def _bare(self) -> AsyncIterator[tuple[Helper, int]]:
        settings = self.running.settings
        order = bare.Order(settings.redis_url, settings.key_prefix, settings.partition)
        async with crew("bench.web.bare", [order]) as helpers:
            yield helpers[0], await helpers[0].hear(int)

    async def _phase(self, helpers: list[Helper], server: int) -> Phase:
        await _heard(helpers)
        stood, began, spent = self.revs(), time.monotonic(), processor(server)
        await self.traffic.run(self.load.rate, self.load.seconds)
        busy, seconds = processor(server) - spent, time.monotonic() - began
        stands, parts = self.revs(), [await _heard(helpers)]
        while not _there(parts[-1], stands) and time.monotonic() < began + seconds + PATIENCE_S:
            await asyncio.sleep(0.2)
            parts.append(await _heard(helpers))
        heard = [joined(each) for each in zip(*parts, strict=True)]
        return phase(heard, self.traffic.commits, stood=stood, stands=stands, busy=busy,
                     seconds=seconds)  # fmt: skip

    async def _catch_up(self, slow: Helper) -> Slow:
        """Let them read, and wait until they stand at the head of the log."""
        head = await self.log.head()
        assert head
        parts, end = [], time.monotonic() + PATIENCE_S
        await slow.tell("read")
        while time.monotonic() < end:
            parts.append(await slow.hear(Heard))
            one = joined(parts)
            if one.caught_up >= one.fell and all(at >= head.seq for _, at in one.at):
                break
            await asyncio.sleep(0.2)
            await slow.tell("heard?")
        behind = sum(max(0, head.seq - at) for _, at in one.at)
        return Slow(self.load.slow, one.fell, one.caught_up, one.doubled, one.missed + behind)


def _there(heard: list[Heard], stands: dict[str, int]) -> bool:
    return all(stands[job] <= rev for one in heard for job, rev in one.at)


async def _heard(helpers: list[Helper]) -> list[Heard]:
    for helper in helpers:
        await helper.tell("heard?")
    return list(await asyncio.gather(*(helper.hear(Heard) for helper in helpers)))


async def measure(load: Load) -> list[Round]:
    """All rounds on one stack, whose engines are none: events are of this process."""
    async with stack(None, 0) as running, connect(running.settings.redis_url) as redis:
        settings = running.settings
        keys = Keys(settings.key_prefix, settings.partition)
        ledger = Ledger(redis, keys)
        traffic = Traffic(ledger, await begun(ledger, load.jobs))
        bench = Bench(load, running, traffic, Log(redis, keys))
        rounds = []
        for number in range(load.rounds):
            progress(f"round {number + 1} of {load.rounds}")
            rounds.append(await bench.round())
        return rounds
