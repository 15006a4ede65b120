"""commit.lua, renew.lua and forget.lua against their twin, step by step."""

import os
import random

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis

from streams import job as jobs
from streams.commit import AHEAD_S, Ledger, Write
from streams.events import Event, StageReady
from streams.keys import Keys
from streams.log import Head, Log
from tests.streams.audit import snapshot
from tests.streams.commits import attempt, submitted
from tests.streams.pair import Pair
from tests.streams.story import AHEAD, Story

SEEDS = 5 if os.environ.get("DALSTON_SHORT") else 150


async def walk(pair: Pair, steps: int) -> None:
    """So many steps, compared now and then and at the end."""
    for real, _ in pair.queues.values():
        await real.create()
    for _ in range(steps):
        await pair.step()
        if pair.chance.random() < 0.1:
            await pair.compare()
    await pair.compare()


@pytest.mark.parametrize("seed", range(6))
async def test_the_scripts_and_their_twin_never_differ(
    redis: Redis, keys: Keys, log: Log, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.commit.RELEASE_WINDOW", seed % 4)
    await walk(Pair(redis, keys, random.Random(seed)), 120)


@pytest.mark.faults
@pytest.mark.timeout(3600)
async def test_the_scripts_and_their_twin_never_differ_for_long(
    redis: Redis, key_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(100, 100 + SEEDS):
        keys = Keys(f"{key_prefix}-{seed}")
        await Log(redis, keys).create(Head(0, "", 1))
        monkeypatch.setattr("streams.commit.RELEASE_WINDOW", seed % 4)
        try:
            await walk(Pair(redis, keys, random.Random(seed)), 150)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}") from error
        await redis.delete(*await snapshot(redis, keys))  # or each scan sees more keys than before


async def test_a_task_that_is_named_twice_stands_in_one_place(
    redis: Redis, keys: Keys, log: Log
) -> None:
    pair = Pair(redis, keys, random.Random(1))
    facts = [StageReady(stage=f"s{n}", token=1, engine="e0", cost=1.5) for n in range(5)]
    ready = tuple(
        Event(
            id=f"e{n}", type="stage.ready", time=AHEAD, job="j0", rev=n + 1, tenant="t", fact=fact
        )
        for n, fact in enumerate(facts)
    )
    await pair.tell(Write(job_id="j0", rev=0, state=Story().job, events=ready[:1]))
    await pair.tell(Write(job_id="j0", rev=1, again=(*ready, *ready, ready[4])))
    assert pair.twin.line("e0").backlog == {f"j0|s{n}|1|t": 1.5 * n for n in range(2, 5)}
    await pair.compare_line("e0")


async def test_numbers_are_kept_with_six_digits(redis: Redis, keys: Keys, log: Log) -> None:
    pair = Pair(redis, keys, random.Random(1))
    ready = tuple(
        Event(
            id=f"e{n}", type="stage.ready", time=AHEAD, job="j0", rev=n + 1, tenant="t",
            fact=StageReady(stage=f"s{n}", token=1, engine="e0", cost=1 / 3, ahead=n > 3),
        )
        for n in range(8)
    )  # fmt: skip
    await pair.tell(Write(job_id="j0", rev=0, state=Story().job, events=ready[:7]))
    await pair.tell(Write(job_id="j0", rev=7, state=Story().job, events=ready[7:]))
    line = pair.twin.line("e0")
    assert line.ends == {"t": 2.666666}
    assert min(line.backlog.values()) == -AHEAD_S + 2
    assert max(line.backlog.values()) == 1.0
    await pair.compare_line("e0")


async def test_a_conflict_carries_the_state_and_changes_nothing(
    redis: Redis, keys: Keys, log: Log
) -> None:
    pair = Pair(redis, keys, random.Random(1))
    first = replace(pair.write(), rev=0)
    await pair.tell(first)
    before = await snapshot(redis, keys)
    late = replace(pair.write(), job_id=first.job_id, rev=0, settled=())
    status, rev, state, *_ = await pair.real._send(late)
    assert (status, rev) == (b"CONFLICT", len(first.events))
    assert jobs.decode(state) == first.state
    assert await snapshot(redis, keys) == before


async def test_a_script_that_the_server_has_forgotten_is_sent_again(
    redis: Redis, ledger: Ledger, log: Log
) -> None:
    await submitted(ledger)
    await redis.script_flush()
    assert (await attempt(ledger))[0] == b"OK"
    head = await log.head()
    assert head is not None
    assert head.seq == 4


async def test_a_log_that_was_trimmed_to_nothing_goes_on(
    redis: Redis, keys: Keys, ledger: Ledger, log: Log
) -> None:
    await submitted(ledger)
    await log.trim(below=4)
    assert await log.first() is None
    assert (await attempt(ledger))[0] == b"OK"
    assert [e.seq for e in await log.read(0)] == [4]


async def test_a_log_goes_on_after_the_head_that_it_was_begun_with(
    redis: Redis, keys: Keys
) -> None:
    log = Log(redis, keys)
    assert await log.create(Head(41, "before", 3)) is True
    assert await log.create(Head(0, "", 1)) is False
    ready = StageReady(stage="s", token=1, engine="toy", cost=1.0)
    event = Event(id="e", type="stage.ready", time=AHEAD, job="j", rev=1, tenant="t", fact=ready)
    await Ledger(redis, keys)._send(Write(job_id="j", events=(event,)))
    (found,) = await log.read(0)
    assert (found.seq, found.prev, found.epoch) == (42, "before", 3)
