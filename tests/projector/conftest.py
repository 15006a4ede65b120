"""A migrated database, a log and its one writer, a projector in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import database, queries
from projector.recover import Recovery
from projector.worker import Worker, tail
from streams import tasks
from streams.commit import Ledger
from streams.connection import connect
from streams.job import Job, decode, evolve
from streams.keys import Keys
from streams.log import Head, Log
from streams.settings import Settings

Truth = Callable[[], Awaitable[object]]


@pytest.fixture
async def db(settings: Settings) -> AsyncIterator[AsyncEngine]:
    """A pool on an empty, migrated database."""
    await database.migrate(settings)
    engine = database.engine(settings)
    yield engine
    await engine.dispose()


@pytest.fixture
def keys(key_prefix: str) -> Keys:
    return Keys(key_prefix)


@pytest.fixture
def log(redis: Redis, keys: Keys) -> Log:
    return Log(redis, keys)


@pytest.fixture
async def ledger(redis: Redis, keys: Keys, log: Log) -> Ledger:
    """The writer of a log that has begun."""
    await log.create(Head(0, "", 1))
    return Ledger(redis, keys)


class Running:
    """A worker that runs in the background, and what it recovered from."""

    def __init__(self, settings: Settings, db: AsyncEngine) -> None:
        self.redis = tail(connect(settings.redis_url, patience=1.0))
        self.plain = connect(settings.redis_url, patience=1.0)
        self.recovery = Recovery(db, self.plain, Keys(settings.key_prefix))
        self.reasons: list[str] = []
        self.worker = Worker(settings, db, self.redis, recover=self._recover)
        self.task = asyncio.create_task(self.worker.run())

    async def _recover(self, reason: str) -> None:
        if report := await self.recovery.mend(reason):
            self.reasons.append(report.reason)

    async def stop(self) -> None:
        await tasks.end(self.task)
        await self.redis.aclose()
        await self.plain.aclose()


Start = Callable[..., Running]


@pytest.fixture
async def start(settings: Settings, db: AsyncEngine) -> AsyncIterator[Start]:
    """Start a worker; give other settings to have it run with them."""
    running: list[Running] = []

    def begin(own: Settings = settings) -> Running:
        running.append(Running(own, db))
        return running[-1]

    yield begin
    for one in running:
        await one.stop()


async def until(true: Truth, *, seconds: float = 20) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.02)


async def caught_up(db: AsyncEngine, log: Log, *, seconds: float = 20) -> int:
    """Wait until all that is on the log is folded; the seq."""
    seq = -1

    async def folded() -> bool:
        nonlocal seq
        head = await log.head()
        async with db.connect() as c:
            at = await queries.checkpoint(c)
        seq = at.seq
        return head is not None and (head.seq, head.id) == (at.seq, at.id)

    await until(folded, seconds=seconds)
    return seq


async def archived_jobs(db: AsyncEngine) -> dict[str, Job]:
    """The pure fold of the archive, which is checked to be one unbroken chain."""
    jobs: dict[str, Job] = {}
    seq, last, ids = 0, "", set()
    async with db.connect() as c:
        while batch := await queries.events(c, after=seq):
            for event in batch:
                assert (event.seq, event.prev) == (seq + 1, last), "the chain is broken"
                seq, last = event.seq, event.id
                ids.add(event.id)
                if after := evolve(jobs.get(event.job), event):
                    jobs[event.job] = after
        assert (await queries.checkpoint(c)).seq == seq == len(ids)
    return jobs


async def projected_jobs(db: AsyncEngine) -> dict[str, Job]:
    """What the table holds."""
    async with db.connect() as c:
        states = (await c.scalars(text("SELECT state FROM jobs"))).all()
    return {job.id: job for job in map(decode, states)}
