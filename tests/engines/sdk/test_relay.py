"""A task goes to the replica that has its model loaded; nothing is lost or done twice by it."""

import asyncio
import contextlib
import random
import signal
import time
from pathlib import Path

from engines.sdk.relay import warm
from streams import decide
from streams.commit import Ticket
from streams.errors import Refused
from streams.events import StageCompleted, StageStarted
from streams.registry import Announcement
from tests.engines.sdk.conftest import Bench, Supervisor, one, wait_file

SLOW = {"TOY_LOAD_S": "1.2", "DALSTON_ENGINE_HOST": "box", "DALSTON_LEASE_S": "2"}
FIRST, SECOND = "toy@box-0", "toy@box-1"
LONG_MS = 60_000


async def until_announced(bench: Bench, model: str, replica: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = await bench.registry.find(replica)
        if found and found.state == "idle" and model in found.loaded:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{replica} never had {model}\n{bench.logs()}")


async def warmed(bench: Bench, **more: str) -> Supervisor:
    """The second replica, idle with the large model loaded, while the first is not there yet."""
    supervisor = await bench.start(slot=1, **SLOW, **more)
    await bench.end(await bench.submit(one(model="large")))
    await until_announced(bench, "large", SECOND)
    return supervisor


async def owners(bench: Bench, job_id: str) -> list[str]:
    return [fact.owner for fact in await bench.facts(job_id) if isinstance(fact, StageStarted)]


def peer(**more: object) -> Announcement:
    told = {"replica": SECOND, "engine": "toy", "stage": "prepare", "version": "1", "host": "box"}
    return Announcement(pid=1, **{**told, "loaded": ("large",), **more})  # type: ignore[arg-type]


def test_only_idle_ones_that_have_a_slow_model_are_asked() -> None:
    assert warm([peer()], "large") == [SECOND], "how long it takes is not known"
    assert warm([peer(loads={"large": 20.0})], "large") == [SECOND]
    assert warm([peer(loads={"large": 0.2})], "large") == []
    assert warm([peer(loads={"large": 20.0})], "large", {"large": 0.2}) == [], "it is quick here"
    assert warm([peer(state="busy"), peer(state="draining"), peer(loaded=())], "large") == []


async def test_tasks_go_to_the_replica_that_has_their_model(bench: Bench) -> None:
    await warmed(bench)
    first = await bench.start(slot=0, **SLOW)
    await until_announced(bench, "small", FIRST)
    waited = []
    for _ in range(8):  # the server gives them to whoever waits longest: to both in turn
        await until_announced(bench, "small", FIRST)
        await until_announced(bench, "large", SECOND)
        job = await bench.end(await bench.submit(one(model="large")))
        assert await owners(bench, job.id) == [SECOND]
        stage = job.stages["prepare"]
        assert (stage.token, stage.usage.load_s) == (1, 0.0)
        assert stage.started_at
        assert stage.ready_at
        waited.append((stage.started_at - stage.ready_at).total_seconds())
    assert "loading large" not in first.log.read_text()
    assert first.log.read_text().count(f"{SECOND} has large loaded") >= 3
    assert sorted(waited)[4] < 0.5, f"the other looks at once: {waited}"


async def test_a_model_that_loads_quickly_is_loaded_where_the_task_is(bench: Bench) -> None:
    quick = {"DALSTON_ENGINE_HOST": "box"}
    await bench.start(slot=1, **quick)
    await bench.end(await bench.submit(one(model="large")))
    await until_announced(bench, "large", SECOND)
    first = await bench.start(slot=0, **quick)
    await until_announced(bench, "small", FIRST)
    deadline = time.monotonic() + 20
    while "loading large" not in first.log.read_text():
        assert time.monotonic() < deadline, bench.logs()
        await bench.end(await bench.submit(one(model="large")))
    assert "has large loaded" not in bench.logs()


async def stopped(bench: Bench, supervisor: Supervisor) -> None:
    """A replica that stands still, and whose last wait for a task is over."""
    supervisor.send(signal.SIGSTOP)
    deadline = time.monotonic() + 10
    while await bench.queue().free(1500):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def taken(bench: Bench, consumer: str) -> Ticket:
    ticket = await bench.queue().take(consumer, block_ms=1000)
    assert ticket is not None
    return ticket


async def lose(bench: Bench, lease_s: float = 2.0) -> None:
    """What the projector does with leases that ran out."""
    for ticket in await bench.queue().lost(lease_s):
        with contextlib.suppress(Refused):
            await bench.ledger.transition(
                ticket.job,
                lambda job, now, t=ticket: decide.lose(job, stage=t.stage, token=t.token, now=now),  # type: ignore[misc]
                settle=ticket,
            )


async def test_a_taker_that_dies_before_its_nudge_has_handed_over_all_the_same(
    bench: Bench,
) -> None:
    receiver = await warmed(bench)
    await stopped(bench, receiver)
    job_id = await bench.submit(one(model="large"))
    ticket = await taken(bench, "toy@dead-0")
    answer = await bench.queue().hand("toy@dead-0", ticket, SECOND, awake_ms=LONG_MS)
    assert answer == "handed"
    receiver.send(signal.SIGCONT)
    job = await bench.end(job_id)
    assert (job.status, job.stages["prepare"].token) == ("succeeded", 1)
    assert await owners(bench, job_id) == [SECOND]


async def test_a_receiver_that_dies_before_it_looks_loses_the_task_to_the_lease(
    bench: Bench,
) -> None:
    receiver = await warmed(bench)
    await stopped(bench, receiver)
    job_id = await bench.submit(one(model="large"))
    ticket = await taken(bench, "toy@dead-0")
    await bench.queue().hand("toy@dead-0", ticket, SECOND, awake_ms=LONG_MS)
    receiver.send(signal.SIGKILL)
    await bench.start(slot=0, **SLOW)
    deadline = time.monotonic() + 60
    while not (await bench.job(job_id)).terminal:
        assert time.monotonic() < deadline, bench.logs()
        await lose(bench)
        await asyncio.sleep(0.2)
    job = await bench.job(job_id)
    assert job.status == "succeeded"
    assert (job.stages["prepare"].lost, job.stages["prepare"].token) == (1, 2)
    assert await owners(bench, job_id) == [FIRST]


async def test_a_receiver_that_starts_again_under_its_name_begins_the_task_anew(
    bench: Bench,
) -> None:
    receiver = await warmed(bench)
    await stopped(bench, receiver)
    job_id = await bench.submit(one(model="large"))
    ticket = await taken(bench, "toy@dead-0")
    await bench.queue().hand("toy@dead-0", ticket, SECOND, awake_ms=LONG_MS)
    receiver.send(signal.SIGKILL)
    await receiver.process.wait()
    await bench.start(slot=1, **SLOW)
    job = await bench.end(job_id)
    assert (job.status, job.stages["prepare"].token) == ("succeeded", 2)


async def test_of_two_tasks_that_came_in_one_moment_one_goes_back(bench: Bench) -> None:
    receiver = await warmed(bench)
    await stopped(bench, receiver)
    jobs = [await bench.submit(one(model="large")) for _ in range(2)]
    ticket = await taken(bench, "toy@dead-0")
    await bench.queue().hand("toy@dead-0", ticket, SECOND, awake_ms=LONG_MS)
    await taken(bench, SECOND)  # as if the server had given it this very moment
    receiver.send(signal.SIGCONT)
    ended = [await bench.end(job_id) for job_id in jobs]
    assert [job.status for job in ended] == ["succeeded"] * 2
    assert sorted(job.stages["prepare"].preempted for job in ended) == [0, 1]
    assert sum(job.stages["prepare"].lost for job in ended) == 0


async def test_a_task_that_reaches_a_busy_replica_goes_to_one_that_is_free(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.start(slot=1, **SLOW)
    flag = tmp_path / "flag"
    busy = await bench.submit(one("hang", model="small", stall_s=600, flag=str(flag)))
    await bench.until(wait_file(flag), busy)
    job_id = await bench.submit(one(model="small"))
    ticket = await taken(bench, "toy@dead-0")
    queue = bench.queue()
    await bench.redis.xclaim(queue.key, bench.ledger.keys.GROUP, SECOND, 0, [ticket.entry])
    await queue.nudge(SECOND)
    await bench.until(lambda job: job.stages["prepare"].preempted == 1, job_id, s=2)
    await bench.start(slot=0, **SLOW)
    assert (await bench.end(job_id)).status == "succeeded"
    assert await owners(bench, job_id) == [FIRST]
    assert (await bench.job(busy)).stages["prepare"].token == 1


async def test_what_another_process_of_our_name_has_begun_is_left_to_it(bench: Bench) -> None:
    await stopped(bench, receiver := await warmed(bench))
    job_id = await bench.submit(one(model="large"))
    ticket = await taken(bench, SECOND)
    await bench.ledger.transition(
        job_id,
        lambda job, _: decide.start(
            job, stage=ticket.stage, token=ticket.token, owner=SECOND, engine_version="1"
        ),
    )
    receiver.send(signal.SIGCONT)
    other = await bench.end(await bench.submit(one(model="large")))
    assert other.status == "succeeded"
    stage = (await bench.job(job_id)).stages["prepare"]
    assert (stage.status, stage.token, stage.preempted) == ("running", 1, 0)
    assert await bench.queue().held(SECOND) == [ticket]


async def test_whoever_is_killed_every_task_completes_once(bench: Bench) -> None:
    chance = random.Random(4)
    living = {slot: await bench.start(slot=slot, **SLOW) for slot in range(3)}
    jobs: list[str] = []
    for number in range(18):
        jobs.append(await bench.submit(one("walk", model=chance.choice(["small", "large"]),
                                           steps=4, pause=0.05)))  # fmt: skip
        await asyncio.sleep(chance.uniform(0, 0.4))
        if number % 4 == 3:
            slot = chance.choice(list(living))
            living[slot].send(signal.SIGKILL)
            await living[slot].process.wait()
            if number % 8 == 3:
                living[slot] = await bench.start(slot=slot, **SLOW)
        await lose(bench)
    deadline = time.monotonic() + 90
    while not all([(await bench.job(job_id)).terminal for job_id in jobs]):
        assert time.monotonic() < deadline, bench.logs()
        await lose(bench)
        await asyncio.sleep(0.2)
    for job_id in jobs:
        facts = await bench.facts(job_id)
        assert sum(isinstance(fact, StageCompleted) for fact in facts) == 1
        assert (await bench.job(job_id)).status == "succeeded"
    assert (await bench.queue().depth()).running == 0
