"""A tenant with thousands of tasks does not hold up another one with a single one: dispatches."""

import asyncio
from collections import Counter

from redis.asyncio import Redis

from streams import decide
from streams.commit import RELEASE_WINDOW, Ledger
from streams.events import Artifact, JobRequest
from streams.keys import Keys
from streams.work import Queue
from tests.streams.story import AUDIO, CHAIN, HEARD, OUTPUT

FLOOD = 400
ENGINES = {node.name: node.engine for node in CHAIN}
AHEAD = RELEASE_WINDOW + 2
"""Dispatches that may come first: what stands ready, what is taken, and a tie with the next one."""


async def submitted(ledger: Ledger, job_id: str, tenant: str, audio: Artifact = AUDIO) -> None:
    await ledger.transition(
        job_id,
        lambda job, now: decide.submit(
            job, job_id=job_id, tenant=tenant, request=JobRequest(), source=audio, filename="a",
            plan=CHAIN, now=now,
        ),
        tenant=tenant,
    )  # fmt: skip


class Works:
    """One replica of each engine, a task at a time; `began` is who was served, in order."""

    def __init__(self, redis: Redis, ledger: Ledger) -> None:
        self._ledger = ledger
        self._queues = {name: Queue(redis, ledger, engine) for name, engine in ENGINES.items()}
        self.began: dict[str, list[str]] = {name: [] for name in ENGINES}

    async def create(self) -> None:
        for queue in self._queues.values():
            await queue.create()

    async def turn(self, stage: str) -> None:
        """Do the next task of a stage, if there is one."""
        ticket = await self._queues[stage].take("one", block_ms=1)
        if ticket is None:
            return
        self.began[stage].append(ticket.tenant)
        done = await self._ledger.transition(
            ticket.job,
            lambda job, _: decide.start(
                job, stage=stage, token=ticket.token, owner="one", engine_version="1"
            ),
        )
        await self._ledger.transition(
            ticket.job,
            lambda job, now: decide.finish(
                job, stage=stage, token=ticket.token, output=OUTPUT, usage=HEARD, now=now
            ),
            known=done.job,
            settle=ticket,
        )


async def test_one_job_beside_a_flood_begins_each_stage_within_a_few_dispatches(
    redis: Redis, ledger: Ledger
) -> None:
    works = Works(redis, ledger)
    await works.create()
    await asyncio.gather(*(submitted(ledger, f"flood-{n}", "flood") for n in range(FLOOD)))
    for _ in range(20):
        for stage in ENGINES:
            await works.turn(stage)
    await submitted(ledger, "lone", "lone")
    before = {stage: len(began) for stage, began in works.began.items()}
    for stage in ENGINES:
        while "lone" not in works.began[stage]:
            await works.turn(stage)
        assert works.began[stage][before[stage] :].index("lone") <= AHEAD, stage


async def test_who_comes_late_waits_for_no_debt_and_has_no_credit(
    redis: Redis, ledger: Ledger
) -> None:
    works = Works(redis, ledger)
    await works.create()
    await asyncio.gather(*(submitted(ledger, f"a-{n}", "a") for n in range(150)))
    for _ in range(60):
        await works.turn("prepare")
    await asyncio.gather(*(submitted(ledger, f"b-{n}", "b") for n in range(60)))
    for _ in range(60):
        await works.turn("prepare")
    shares = Counter(works.began["prepare"][60:])
    assert abs(shares["a"] - shares["b"]) <= 2 * AHEAD


async def test_tenants_are_served_by_seconds_of_audio_not_by_files(
    redis: Redis, ledger: Ledger
) -> None:
    works = Works(redis, ledger)
    await works.create()
    short = Artifact(uri=AUDIO.uri, sha256=AUDIO.sha256, bytes=AUDIO.bytes // 4)
    for n in range(100):
        await submitted(ledger, f"long-{n}", "long")
        await submitted(ledger, f"short-{n}", "short", short)
    for _ in range(50):
        await works.turn("prepare")
    shares = Counter(works.began["prepare"])
    assert abs(shares["short"] - 4 * shares["long"]) <= 4 * AHEAD


async def test_nothing_is_remembered_of_tenants_when_nobody_waits(
    redis: Redis, ledger: Ledger, keys: Keys
) -> None:
    works = Works(redis, ledger)
    await works.create()
    await asyncio.gather(*(submitted(ledger, f"j-{n}", f"tenant-{n}") for n in range(30)))
    assert await redis.hlen(keys.fair(ENGINES["prepare"])) == 31
    for _ in range(31):
        for stage in ENGINES:
            await works.turn(stage)
    assert sum([await redis.exists(keys.fair(engine)) for engine in ENGINES.values()]) == 0
