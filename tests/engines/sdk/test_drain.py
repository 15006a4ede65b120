"""A replica that is drained by a wish finishes, stands by, and takes tasks again when resumed."""

import asyncio
import signal
import time
from collections.abc import Callable

from streams.events import EngineDrained, EngineRegistered, StageStarted
from streams.registry import Announcement
from tests.engines.sdk.conftest import Bench, one

FIRST, SECOND = "toy@box-0", "toy@box-1"


async def until(
    bench: Bench, replica: str, state: str, also: Callable[[Announcement], object] = lambda _: True
) -> Announcement:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        found = await bench.registry.find(replica)
        if found and found.state == state and also(found):
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{replica} was never {state}: {found}\n{bench.logs()}")


async def engine_facts(bench: Bench) -> list[str]:
    """What the log says of the engines, in a word each."""
    said = []
    for event in await bench.log.read(0, count=10_000):
        if isinstance(event.fact, EngineRegistered):
            said.append("registered")
        elif isinstance(event.fact, EngineDrained):
            said.append("drained" if event.fact.stays else "left")
    return said


async def owners(bench: Bench, job_id: str) -> list[str]:
    return [fact.owner for fact in await bench.facts(job_id) if isinstance(fact, StageStarted)]


async def test_it_finishes_its_task_takes_no_other_and_comes_back(bench: Bench) -> None:
    await bench.start(DALSTON_ENGINE_HOST="box")
    job_id = await bench.submit(one("walk", steps=80, pause=0.05))
    await until(bench, FIRST, "busy")
    began = time.monotonic()
    await bench.registry.drains.put("toy", drained=True)
    await until(bench, FIRST, "draining", lambda said: said.job == job_id)
    assert time.monotonic() - began < 1.0, "the nudge is heard at once"
    job = await bench.end(job_id)
    assert job.status == "succeeded"
    drained = await until(bench, FIRST, "drained")
    assert (drained.loaded, drained.memory) == ((), 0), "its models are unloaded"
    waits = await bench.submit(one())
    await asyncio.sleep(2.5)
    assert (await bench.job(waits)).stages["prepare"].status == "ready"
    assert (await bench.queue().depth()).waiting == 1
    await bench.registry.drains.put("toy", drained=False)
    assert (await bench.end(waits)).status == "succeeded"
    await until(bench, FIRST, "idle", lambda said: said.loaded)
    assert await engine_facts(bench) == ["registered", "drained", "registered"]
    assert (await bench.job(waits)).stages["prepare"].preempted == 0


async def test_a_drain_outlives_the_replica_and_a_resume_is_for_all_that_start(
    bench: Bench,
) -> None:
    first = await bench.start(DALSTON_ENGINE_HOST="box")
    await until(bench, FIRST, "idle")
    await bench.registry.drains.put("toy", drained=True)
    await until(bench, FIRST, "drained")
    first.send(signal.SIGKILL)
    await first.stop()
    await bench.start(DALSTON_ENGINE_HOST="box")
    await until(bench, FIRST, "drained")
    assert not (await bench.registry.find(FIRST)).loaded  # type: ignore[union-attr]
    await bench.registry.drains.put("toy", drained=False)
    await until(bench, FIRST, "idle")
    assert (await bench.end(await bench.submit(one()))).status == "succeeded"


async def test_one_replica_is_drained_and_the_other_does_the_work(bench: Bench) -> None:
    for slot in range(2):
        await bench.start(slot=slot, DALSTON_ENGINE_HOST="box")
    for name in (FIRST, SECOND):
        await until(bench, name, "idle")
    await bench.registry.drains.put(FIRST, drained=True)
    await until(bench, FIRST, "drained")
    jobs = [await bench.submit(one()) for _ in range(6)]
    for job_id in jobs:
        await bench.end(job_id)
        assert await owners(bench, job_id) == [SECOND]
    (offer,) = await bench.registry.offers()
    assert not offer.drained
    await bench.registry.drains.put("toy", drained=True)
    await until(bench, SECOND, "drained")
    assert [offer.drained for offer in await bench.registry.offers()] == [True]
    await bench.registry.drains.put(FIRST, drained=False)
    await until(bench, FIRST, "idle")
    job = await bench.end(await bench.submit(one()))
    assert await owners(bench, job.id) == [FIRST]


async def test_a_task_that_is_handed_to_a_drained_replica_goes_back(bench: Bench) -> None:
    await bench.start(DALSTON_ENGINE_HOST="box")
    await until(bench, FIRST, "idle")
    await bench.registry.drains.put("toy", drained=True)
    await until(bench, FIRST, "drained")
    job_id = await bench.submit(one())
    ticket = await bench.queue().take("toy@elsewhere-0", block_ms=100)
    assert ticket
    answer = await bench.queue().hand("toy@elsewhere-0", ticket, FIRST, awake_ms=60_000)
    assert answer == "handed"
    job = await bench.until(lambda job: job.stages["prepare"].token == 2, job_id)
    assert (job.stages["prepare"].status, job.stages["prepare"].preempted) == ("ready", 1)
    depth = await bench.queue().depth()
    assert (depth.waiting, depth.running) == (1, 0)


async def test_a_drained_replica_stays_so_when_redis_forgets_the_wish(bench: Bench) -> None:
    await bench.start(DALSTON_ENGINE_HOST="box")
    await until(bench, FIRST, "idle")
    await bench.registry.drains.put("toy", drained=True)
    await until(bench, FIRST, "drained")
    await bench.redis.delete(bench.ledger.keys.drains)
    await asyncio.sleep(3.0)
    await until(bench, FIRST, "drained")
    assert [offer.drained for offer in await bench.registry.offers()] == [True]
    await bench.registry.drains.put("toy", drained=False)
    await until(bench, FIRST, "idle")


async def test_a_drained_replica_leaves_when_it_is_stopped(bench: Bench) -> None:
    supervisor = await bench.start(DALSTON_ENGINE_HOST="box")
    await until(bench, FIRST, "idle")
    await bench.registry.drains.put("toy", drained=True)
    await until(bench, FIRST, "drained")
    began = time.monotonic()
    assert await supervisor.stop() == 0
    assert time.monotonic() - began < 3.0
    assert await engine_facts(bench) == ["registered", "drained", "left"]
