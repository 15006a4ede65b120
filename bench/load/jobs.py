"""Many jobs through a whole stack with echo engines: the rate, and whether anything grows."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import asyncpg
import msgspec
from redis.exceptions import RedisError

from bench.load import account
from bench.load.gauges import Gauges, Sample, objects
from bench.load.place import progress, stack
from bench.report import Row
from infra.local.stack import Stack
from tests.echo.script import Script, encode

SAYS = "no man who knows his own mind was ever yet so plainly told that the matter is settled now"
BOUNDARY = "dalston-load"
AT_ONCE = 16
"""Uploads on their way at one time."""
TOP_UP_S = 0.1
AWAY = (OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""A server that is away for a moment: that is told, and the run goes on."""
END_S = 120.0
"""Seconds in which the last jobs must end."""
KEPT = """
    SELECT count(*), coalesce(max(substr(idempotency_key, 6)::int) + 1, 0) AS unused
    FROM submissions
"""
WRONG = {
    "jobs that did not succeed": "SELECT count(*) FROM jobs WHERE status <> 'succeeded'",
    "jobs that succeeded twice": """
        SELECT count(*) FROM (SELECT job FROM events WHERE type = 'job.succeeded'
                              GROUP BY job HAVING count(*) <> 1) AS twice""",
    "stages completed twice": """
        SELECT count(*) FROM (SELECT job, data::json->>'stage' FROM events
                              WHERE type = 'stage.completed'
                              GROUP BY 1, 2 HAVING count(*) <> 1) AS twice""",
    "breaks in the chain": """
        SELECT count(*) FROM (SELECT seq, prev, lag(id, 1, '') OVER by_seq AS id,
                                     lag(seq, 1, 0::bigint) OVER by_seq AS before
                              FROM events WINDOW by_seq AS (ORDER BY seq)) AS chain
        WHERE prev <> id OR seq <> before + 1""",
}


@dataclass(frozen=True)
class Load:
    """So many jobs, so many under way at most; a line every so many seconds; minutes: 0 is all."""

    jobs: int
    replicas: int
    under_way: int = 300
    every_s: float = 10.0
    minutes: float = 0.0
    home: Path | None = None
    samples: Path | None = None


async def run(load: Load) -> list[Row]:
    """Send them, watch, wait for the last one, check all of them."""
    async with stack(load.home, load.replicas) as running, Gauges(running) as gauges:
        before, unused = await _kept(running)
        if before:
            progress(f"going on after {before} jobs of an earlier run")
        sender = Sender(running.running.web.url, gauges, load, before, unused)
        samples = [await gauges.sample(before)]
        work = asyncio.create_task(sender.send())
        try:
            while not work.done():
                await asyncio.wait({work}, timeout=load.every_s)
                try:
                    samples.append(await gauges.sample(sender.accepted))
                except AWAY as error:
                    progress(f"! no sample: {error!r}")
                    continue
                progress(account.line(samples))
                _keep(load, samples[-1])
            work.result()
        finally:
            work.cancel()
        if sender.accepted < load.jobs:
            progress(f"{load.jobs - sender.accepted:,} jobs are left for the next run on this home")
        kept = await asyncio.to_thread(objects, running.home.path)
        return [
            *account.speed(samples),
            *await _checked(running, sender.accepted),
            *account.flat(samples),
            *account.linear(samples),
            account.stored(*kept, sender.accepted),
        ]


def _keep(load: Load, sample: Sample) -> None:
    if load.samples:
        with load.samples.open("ab") as file:
            file.write(msgspec.json.encode(sample) + b"\n")


class Sender:
    """Sends jobs as a patient client does, as many as the stack keeps up with."""

    def __init__(self, url: str, gauges: Gauges, load: Load, accepted: int, unused: int) -> None:
        """``accepted`` jobs are there already, ``unused`` is the first number without one."""
        self.accepted = accepted
        self._skipped = unused - accepted
        self._url, self._gauges, self._load = f"{url}/v1/jobs", gauges, load
        self._body = _form(encode(Script(says=SAYS, audio_s=10.0)))

    async def send(self) -> None:
        """Top up what is under way until all are sent and all have ended."""
        gate = asyncio.Semaphore(AT_ONCE)
        sent, jobs = self.accepted, self._load.jobs
        stop = time.monotonic() + (self._load.minutes * 60 or float("inf"))
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

            async def one(number: int) -> None:
                async with gate:
                    await self._post(session, number)
                    self.accepted += 1

            while sent < jobs and time.monotonic() < stop:
                room = self._load.under_way - await self._live()
                batch = range(sent, min(sent + max(room, 0), jobs))
                await asyncio.gather(*(one(number + self._skipped) for number in batch))
                sent += len(batch)
                if not batch:
                    await asyncio.sleep(TOP_UP_S)
        async with asyncio.timeout(END_S + 2 * self._load.under_way):
            while not await self._gauges.rests(self.accepted):  # noqa: ASYNC110 - Postgres knows
                await asyncio.sleep(0.5)

    async def _live(self) -> int:
        """Jobs under way; all that may be while Postgres does not say."""
        try:
            return await self._gauges.live()
        except AWAY as error:
            progress(f"! {error!r}")
            await asyncio.sleep(1.0)
            return self._load.under_way

    async def _post(self, session: aiohttp.ClientSession, number: int) -> None:
        """Post until it is accepted; the same key again is the same job."""
        headers = {
            "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
            "Idempotency-Key": f"load-{number}",
        }
        while True:
            try:
                async with session.post(self._url, data=self._body, headers=headers) as answer:
                    if answer.status in {200, 202}:
                        await answer.read()
                        return
                    text = await answer.text()
                    if answer.status < 500:
                        raise RuntimeError(f"refused: {answer.status} {text}")
            except aiohttp.ClientError as error:
                text = repr(error)
            progress(f"! again: {text[:200]}")
            await asyncio.sleep(0.5)


def _form(data: bytes) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="talk.json"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


async def _kept(running: Stack) -> tuple[int, int]:
    """How many jobs an earlier run sent, and the first number that it did not use."""
    connection = await asyncpg.connect(running.settings.postgres_dsn)
    try:
        row = await connection.fetchrow(KEPT)
        assert row
        return int(row["count"]), int(row["unused"])
    finally:
        await connection.close()


async def _checked(running: Stack, jobs: int) -> list[Row]:
    """What must hold of every job, asked of the archive."""
    connection = await asyncpg.connect(running.settings.postgres_dsn)
    try:
        ended = int(await connection.fetchval("SELECT count(*) FROM jobs"))
        rows = [
            Row("jobs accepted, and in the projection", f"{ended:,}", f"{jobs:,}", ended == jobs)
        ]
        for what, query in WRONG.items():
            count = int(await connection.fetchval(query))
            rows.append(Row(what, str(count), "0", count == 0))
        return rows
    finally:
        await connection.close()
