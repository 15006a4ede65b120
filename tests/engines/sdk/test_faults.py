"""Whatever an engine does wrong is a fact with its reason, and the next task succeeds."""

import asyncio
import signal
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from streams import decide
from streams.events import Budget, StageFailed, StageProgressed, StageStarted, type_of
from tests.engines.sdk.conftest import Bench, one, wait_file

SHORT = "2"


@pytest.mark.parametrize(
    ("do", "kind", "reason"),
    [
        ("raise", "error", "RuntimeError: the model tripped"),
        ("refuse", "input", "this is not speech"),
        ("exit", "crash", "the engine process died of exit status 3"),
        ("vanish", "crash", "the engine process died of exit status 7"),
        ("segfault", "crash", "the engine process died of SIGSEGV"),
        ("die", "crash", "the engine process died of SIGKILL"),
        ("exhaust", "memory", "out of memory (MemoryError)"),
    ],
)
async def test_an_engine_that_fails_says_how_and_goes_on(
    bench: Bench, do: str, kind: str, reason: str
) -> None:
    await bench.start()
    bad = await bench.end(await bench.submit(one(do)))
    failed = [fact for fact in await bench.facts(bad.id) if isinstance(fact, StageFailed)]
    assert [(fact.kind, fact.reason.partition(": running")[0]) for fact in failed] == [
        (kind, reason)
    ]
    assert bad.status == ("failed" if kind == "input" else "blocked")
    good = await bench.end(await bench.submit(one()))
    assert good.status == "succeeded", bench.logs()


async def test_a_hang_is_killed_at_its_stall_time_and_the_next_task_succeeds(bench: Bench) -> None:
    await bench.start()
    bad = await bench.submit(one("hang", stall_s=0.5))
    good = await bench.submit(one())
    assert (await bench.end(bad)).stages["prepare"].kind == "timeout"
    assert (await bench.end(good)).status == "succeeded"


async def test_progress_keeps_a_slow_task_alive_and_is_told_now_and_then(bench: Bench) -> None:
    await bench.start()
    job = await bench.end(await bench.submit(one("walk", stall_s=0.6, steps=50, pause=0.05)), s=30)
    assert job.status == "succeeded"
    told = [
        fact.fraction for fact in await bench.facts(job.id) if isinstance(fact, StageProgressed)
    ]
    assert 1 <= len(told) <= 4
    assert told == sorted(told)


async def test_a_task_far_longer_than_its_lease_runs_once(bench: Bench) -> None:
    await bench.start(DALSTON_LEASE_S="0.4")
    job_id = await bench.submit(one("walk", steps=60, pause=0.05))
    while not (job := await bench.job(job_id)).terminal:
        assert await bench.queue().lost(0.4) == []
        await asyncio.sleep(0.1)
    assert job.stages["prepare"].token == 1
    assert sum(isinstance(fact, StageStarted) for fact in await bench.facts(job_id)) == 1


async def test_a_cancel_kills_the_child_at_once_and_ends_the_job(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.start()
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("hang", flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    asked = time.monotonic()
    await bench.ledger.transition(job_id, lambda job, now: decide.cancel(job, now=now))
    await bench.redis.publish(bench.ledger.keys.nudges, job_id)
    job = await bench.end(job_id)
    assert job.status == "cancelled"
    assert time.monotonic() - asked < 2.0, "the lease of 20 s was not waited for"
    assert not alive(int(flag.read_text()))
    assert (await bench.end(await bench.submit(one()))).status == "succeeded"


async def test_a_cancel_without_a_nudge_is_seen_at_the_next_renewal(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.start(DALSTON_LEASE_S=SHORT)
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("hang", flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    await bench.ledger.transition(job_id, lambda job, now: decide.cancel(job, now=now))
    assert (await bench.end(job_id, s=3)).status == "cancelled"


async def test_a_job_cancelled_before_its_task_is_taken_never_starts(bench: Bench) -> None:
    job_id = await bench.submit(one())
    await bench.ledger.transition(job_id, lambda job, now: decide.cancel(job, now=now))
    await bench.start()
    assert (await bench.end(await bench.submit(one()))).status == "succeeded"
    types = [type_of(fact) for fact in await bench.facts(job_id)]
    assert "stage.started" not in types
    assert types[-1] == "job.cancelled"
    assert (await bench.queue().depth()).running == 0


async def test_a_zombie_is_fenced_and_makes_nothing_visible(bench: Bench, tmp_path: Path) -> None:
    zombie = await bench.start(DALSTON_LEASE_S=SHORT)
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("walk", steps=10, pause=0.1, flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    zombie.send(signal.SIGSTOP)
    await asyncio.sleep(2.2)
    (ticket,) = await bench.queue().lost(2.0)
    await bench.ledger.transition(
        job_id,
        lambda job, now: decide.lose(job, stage="prepare", token=ticket.token, now=now),
        settle=ticket,
    )
    await bench.start(slot=1)
    assert (await bench.end(job_id)).status == "succeeded"
    before = await bench.events(job_id)
    zombie.send(signal.SIGCONT)
    good = await bench.end(await bench.submit(one()))
    await asyncio.sleep(1.0)
    assert good.status == "succeeded"
    assert await bench.events(job_id) == before
    assert (await bench.job(job_id)).stages["prepare"].token == 2


async def test_a_killed_engine_loses_its_task_to_the_lease_and_leaves_no_orphan(
    bench: Bench, tmp_path: Path
) -> None:
    engine = await bench.start(DALSTON_LEASE_S=SHORT)
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("hang", flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    engine.send(signal.SIGKILL)
    await asyncio.sleep(0.3)
    assert not alive(int(flag.read_text()))
    assert await bench.queue().lost(2.0) == []
    await asyncio.sleep(2.2)
    assert [ticket.job for ticket in await bench.queue().lost(2.0)] == [job_id]


async def test_what_a_past_life_held_starts_again_at_once(bench: Bench, tmp_path: Path) -> None:
    engine = await bench.start()
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("walk", steps=20, pause=0.1, flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    engine.send(signal.SIGKILL)
    await engine.process.wait()
    await bench.start()
    job = await bench.end(job_id)
    assert job.status == "succeeded"
    assert (job.stages["prepare"].token, job.stages["prepare"].lost) == (2, 1)


async def test_a_drain_lets_the_task_end_and_takes_no_other(bench: Bench, tmp_path: Path) -> None:
    engine = await bench.start()
    flag = tmp_path / "flag"
    first = await bench.submit(one("walk", steps=10, pause=0.1, flag=str(flag)))
    second = await bench.submit(one())
    await bench.until(wait_file(flag), first)
    engine.send(signal.SIGTERM)
    assert await asyncio.wait_for(engine.process.wait(), 20) == 0
    assert (await bench.job(first)).status == "succeeded"
    assert (await bench.job(second)).stages["prepare"].status == "ready"
    assert await bench.registry.alive() == []
    told = [event.type for event in await bench.log.read(0) if event.job.startswith("toy@")]
    assert told == ["engine.registered", "engine.drained"]
    consumers = await bench.redis.xinfo_consumers(bench.queue().key, bench.ledger.keys.GROUP)
    assert consumers == []


async def test_a_drain_gives_back_what_does_not_end_in_time(bench: Bench, tmp_path: Path) -> None:
    engine = await bench.start(DALSTON_DRAIN_S="0.3")
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("hang", flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    engine.send(signal.SIGTERM)
    assert await asyncio.wait_for(engine.process.wait(), 20) == 0
    stage = (await bench.job(job_id)).stages["prepare"]
    assert (stage.status, stage.token, stage.preempted, stage.failed) == ("ready", 2, 1, 0)
    assert not alive(int(flag.read_text()))


async def test_a_second_sigterm_exits_now(bench: Bench, tmp_path: Path) -> None:
    engine = await bench.start()
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("hang", flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    engine.send(signal.SIGTERM)
    await asyncio.sleep(0.3)
    engine.send(signal.SIGTERM)
    assert await asyncio.wait_for(engine.process.wait(), 2) == 128 + signal.SIGTERM


async def test_two_processes_do_not_serve_under_one_name(bench: Bench, tmp_path: Path) -> None:
    first = await bench.start()
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("walk", steps=100, pause=0.1, flag=str(flag)))
    await bench.until(wait_file(flag), job_id)
    second = await bench.start()
    said = f"process {first.pid} serves as toy@"
    await bench.until(lambda _: said in second.log.read_text(), job_id)
    job = await bench.end(job_id)
    assert (job.status, job.stages["prepare"].token) == ("succeeded", 1)
    await first.stop()
    assert (await bench.end(await bench.submit(one()))).status == "succeeded"


async def test_one_that_was_stopped_until_another_took_its_name_leaves(
    bench: Bench, tmp_path: Path
) -> None:
    zombie = await bench.start(DALSTON_LEASE_S=SHORT)
    flag = tmp_path / "flag"
    job_id = await bench.submit(one("hang", flag=str(flag), budget=Budget(lost=5), stall_s=60))
    await bench.until(wait_file(flag), job_id)
    zombie.send(signal.SIGSTOP)
    await bench.redis.delete(bench.ledger.keys.replica(await name_of(bench)))
    await bench.start(DALSTON_LEASE_S=SHORT)
    job = await bench.until(lambda job: job.stages["prepare"].token == 2, job_id)
    assert job.stages["prepare"].lost == 1
    zombie.send(signal.SIGCONT)
    assert await asyncio.wait_for(zombie.process.wait(), 20) == 0
    (left,) = await bench.registry.alive()
    assert left.pid != zombie.pid
    assert (await bench.job(job_id)).stages["prepare"].token == 2


async def test_a_replica_takes_its_name_again_though_its_clock_went_back(
    bench: Bench,
) -> None:
    first = await bench.start()
    await bench.end(await bench.submit(one()))
    (announced,) = await bench.registry.alive()
    first.send(signal.SIGKILL)
    await first.process.wait()
    later = announced.started_at + 3600
    await bench.registry.announce(replace(announced, started_at=later), ttl_s=60)
    second = await bench.start()
    assert (await bench.end(await bench.submit(one()))).status == "succeeded", bench.logs()
    assert [found.pid for found in await bench.registry.alive()] == [second.pid]


async def test_a_failure_is_retried_within_the_budget(bench: Bench) -> None:
    await bench.start()
    job_id = await bench.submit(one("raise", budget=Budget(failed=2)))
    job = await bench.until(lambda job: job.stages["prepare"].status == "retrying", job_id)
    assert job.stages["prepare"].failed == 1


async def name_of(bench: Bench) -> str:
    """The only replica's name."""
    (announced,) = await bench.registry.alive()
    return announced.replica


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
