"""Large uploads at once: what the web process holds of them, and that the store has them whole."""

import asyncio
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.load.crew import crew
from bench.load.gauges import objects
from bench.load.peaks import Peaks
from bench.load.place import processes, progress, stack
from bench.load.senders import Order, Sent
from bench.report import Row

PROCESSES = 2
EACH_MB = 25.0
"""What an upload may hold in the web process: a part of 8 MB in each of three places."""
ERASED_S = 120.0


@dataclass(frozen=True)
class Uploads:
    """So many of so many bytes, all at once."""

    uploads: int
    size: int
    home: Path | None = None


async def run(load: Uploads) -> list[Row]:
    """Send them, look at the store, erase them."""
    async with stack(load.home, 0) as running:
        home, url = running.home.path, running.running.web.url
        needed = 2 * load.uploads * load.size  # a store in parts joins them by copying
        free = shutil.disk_usage(home).free
        if free < needed:
            short = f"{needed / 1e9:.0f} GB are needed for {home}, {free / 1e9:.0f} are free"
            raise SystemExit(short)
        pids = {name: process.pid or 0 for name, process in processes(running).items()}
        share = load.uploads // PROCESSES
        orders = [Order(url, share, load.size, n * share) for n in range(PROCESSES)]
        began = time.monotonic()
        async with Peaks(pids) as peaks, crew("bench.load.senders", orders) as helpers:
            rest = dict(peaks.now)
            told = await asyncio.gather(*(h.hear(list[Sent]) for h in helpers))
            sent = [one for some in told for one in some]
        taken = time.monotonic() - began
        kept, size = objects(home)
        progress(f"{len(sent)} answered after {taken:.0f} s, {size / 1e9:.1f} GB in the store")
        good = [one for one in sent if one.status == 202]
        bad = [one for one in sent if one.status != 202]
        wanted = share * PROCESSES
        left = await _erased(url, [one.job for one in good], home)
        web = peaks.most["web"] - rest["web"]
        most = {name: f"{size / 1e6:.0f} MB at most" for name, size in peaks.most.items()}
        return [
            Row("uploads at once", f"{wanted} of {load.size / 1e6:,.0f} MB"),
            Row("accepted", f"{len(good)} {bad[:1] or ''}", str(wanted), len(good) == wanted),
            Row("… in all", f"{taken:.0f} s, {wanted * load.size / taken / 1e6:.0f} MB/s"),
            Row("… the slowest", f"{max(one.seconds for one in sent):.0f} s"),
            *(Row(f"{name} process", f"{rest[name] / 1e6:.0f} MB before, {most[name]}")
              for name in ("web", "s3")),
            Row("… the web's, an upload", f"{web / wanted / 1e6:.1f} MB", f"at most {EACH_MB:g} MB",
                web <= wanted * EACH_MB * 1e6),
            Row("objects, bytes", f"{kept}, {size / 1e9:.2f} GB", "all of them",
                kept == wanted and size >= wanted * load.size),
            Row("erased: left in the store", f"{left / 1e6:.1f} MB", "under 1 MB", left < 1e6),
        ]  # fmt: skip


async def _erased(url: str, jobs: list[str], home: Path) -> int:
    """Cancel and erase all; the bytes that the store holds once nothing more goes."""
    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        for job in jobs:
            (await client.post(f"/v1/jobs/{job}/cancel")).raise_for_status()
            (await client.delete(f"/v1/jobs/{job}")).raise_for_status()
    give_up = time.monotonic() + ERASED_S
    while objects(home)[0] and time.monotonic() < give_up:  # noqa: ASYNC110 - the disk knows
        await asyncio.sleep(0.5)
    count, size = objects(home)
    return size if count else 0
