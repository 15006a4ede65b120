"""Thousands of websockets on one web process: memory of each, and from a commit to its readers."""

import asyncio
import random
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from urllib.parse import urlsplit

from bench import memory, traffic
from bench.load.crew import Helper, crew
from bench.load.followers import Heard, Order
from bench.load.place import progress, stack
from bench.report import Row
from infra.local.stack import Stack
from streams import decide
from streams.commit import Ledger
from streams.connection import connect
from streams.job import Job
from streams.keys import Keys

PROCESSES = 4
POPULAR = 0.1
"""The share of all sockets that follow one and the same job."""
DEAF = 50
POPULAR_EVERY = 25
"""One of so many events is of the popular job."""


@dataclass(frozen=True)
class Sockets:
    """So many, and so many events a second for so long."""

    sockets: int
    rate: float = 50.0
    seconds: float = 20.0
    home: Path | None = None


async def run(load: Sockets) -> list[Row]:
    """Join all, measure, join some that never read, measure again."""
    async with stack(load.home, 0) as running:
        redis = connect(running.settings.redis_url)
        settings = running.settings
        ledger = Ledger(redis, Keys(settings.key_prefix, settings.partition))
        jobs = await _jobs(ledger, max(2, load.sockets // 5))
        web = running.running.web.pid or 0
        bare = memory.tree(web)
        began = time.monotonic()
        async with crew("bench.load.followers", _orders(running, load, jobs)) as helpers:
            joined = sum(await asyncio.gather(*(helper.hear(int) for helper in helpers)))
            taken = time.monotonic() - began
            await asyncio.sleep(2)
            full = memory.tree(web)
            progress(f"{joined:,} sockets joined in {taken:.0f} s")
            await _heard(helpers)
            alone = await _phase(ledger, jobs, helpers, load)
            deaf = Order(*_address(running), [""] * DEAF, deaf=True)
            async with crew("bench.load.followers", [deaf]) as stalled:
                await stalled[0].hear(int)
                beside = await _phase(ledger, jobs, helpers, load)
                after = memory.tree(web)
        await redis.aclose()
        each = (full - bare) / joined
        return [
            Row("sockets", f"{joined:,} joined in {taken:.0f} s", f"{load.sockets:,}",
                joined == load.sockets),
            Row("web process", f"{bare / 1e6:.0f} MB without, {full / 1e6:.0f} MB with all, "
                f"{each / 1e3:.1f} kB each", "under 100 kB", each < 100_000),
            *alone.rows(f"at {load.rate:g} events/s"),
            *beside.rows(f"… beside {DEAF} that never read"),
            Row("… the web's memory then", f"{after / 1e6:.0f} MB",
                "1 MB for each that never reads", after - full < DEAF * 1e6 + 16e6),
            Row("… p99 beside them, and without", f"{beside.p99():.0f} ms, {alone.p99():.0f} ms",
                "twice, or 100 ms more", beside.p99() < max(2 * alone.p99(), alone.p99() + 100)),
        ]  # fmt: skip


@dataclass(frozen=True)
class Phase:
    """What was sent, what should have come and what did; spans in milliseconds."""

    sent: int
    wanted: int
    few: list[float]
    many: list[float]
    fell: int
    closed: list[str]

    def p99(self) -> float:
        """Of all that came."""
        return quantiles(self.few + self.many, n=100)[98]

    def rows(self, when: str) -> list[Row]:
        """As lines of the answer."""
        came = len(self.few) + len(self.many)
        wrong = self.fell + len(self.closed)
        return [
            Row(f"{when}: events, messages", f"{self.sent:,}, {came:,}", f"{self.wanted:,}",
                came == self.wanted),
            Row(f"{when}: commit to socket, a job of few readers", _marks(self.few)),
            Row(f"{when}: … a job of very many", _marks(self.many)),
            Row(f"{when}: fell behind or closed", f"{wrong} {' '.join(self.closed[:2])}", "0",
                wrong == 0),
        ]  # fmt: skip


def _marks(spans: list[float]) -> str:
    if len(spans) < 2:
        return "none"
    marks = quantiles(spans, n=100)
    return f"p50 {marks[49]:.1f} ms, p99 {marks[98]:.1f} ms, most {max(spans):.1f} ms"


async def _jobs(ledger: Ledger, count: int) -> list[Job]:
    """Jobs that run, as far as the log knows."""
    gate = asyncio.Semaphore(32)

    async def one() -> Job:
        async with gate:
            return await traffic.started(ledger, await traffic.submitted(ledger), "prepare")

    return list(await asyncio.gather(*(one() for _ in range(count))))


def _address(running: Stack) -> tuple[str, int]:
    parts = urlsplit(running.running.web.url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def _orders(running: Stack, load: Sockets, jobs: list[Job]) -> list[Order]:
    popular = int(load.sockets * POPULAR)
    followed = [jobs[0].id] * popular
    followed += [jobs[1 + n % (len(jobs) - 1)].id for n in range(load.sockets - popular)]
    return [Order(*_address(running), followed[n::PROCESSES]) for n in range(PROCESSES)]


async def _phase(ledger: Ledger, jobs: list[Job], helpers: list[Helper], load: Sockets) -> Phase:
    """Events at an even pace, then a moment for the last one, then what was heard."""
    popular = int(load.sockets * POPULAR)
    readers = [popular, *(0 for _ in jobs[1:])]
    for n in range(load.sockets - popular):
        readers[1 + n % (len(jobs) - 1)] += 1
    count, wanted = int(load.rate * load.seconds), 0
    began = time.monotonic()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number / load.rate - time.monotonic()))
        place = 0 if number % POPULAR_EVERY == 0 else random.randrange(1, len(jobs))
        jobs[place] = await _progressed(ledger, jobs[place])
        wanted += readers[place]
    await asyncio.sleep(5)
    heard = await _heard(helpers)
    few = [
        ms for one in heard for job, spans in one.spans.items() if job != jobs[0].id for ms in spans
    ]
    many = [ms for one in heard for ms in one.spans.get(jobs[0].id, ())]
    return Phase(count, wanted, few, many, sum(one.fell for one in heard),
                 [text for one in heard for text in one.closed])  # fmt: skip


async def _progressed(ledger: Ledger, job: Job) -> Job:
    """One more event; in its meta is when its commit was called for."""
    fraction = job.stages["prepare"].progress + 1e-6
    done = await ledger.transition(
        job.id,
        lambda job, _: decide.progress(job, stage="prepare", token=1, fraction=fraction),
        known=job,
        meta={"sent": repr(time.monotonic())},
    )
    assert done.events
    assert done.job
    return done.job


async def _heard(helpers: list[Helper]) -> list[Heard]:
    for helper in helpers:
        await helper.tell("heard?")
    return list(await asyncio.gather(*(helper.hear(Heard) for helper in helpers)))
