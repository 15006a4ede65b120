import asyncio
import hashlib
import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from streams.events import Artifact, PlannedStage, StageCompleted, type_of
from streams.log import Head
from streams.registry import Announcement
from streams.transcript import Transcript
from tests.engines.sdk.conftest import Bench, one, wait_file


async def test_a_task_is_taken_done_and_told(bench: Bench) -> None:
    await bench.start()
    job = await bench.end(await bench.submit(one(), "hello"))
    assert job.status == "succeeded", bench.logs()
    facts = await bench.facts(job.id)
    assert [type_of(fact) for fact in facts][3:] == [
        "stage.started", "stage.completed", "job.succeeded",
    ]  # fmt: skip
    done = next(fact for fact in facts if isinstance(fact, StageCompleted))
    assert done.usage.engine_version == "1.2.3"
    assert done.usage.model == "small"
    assert done.usage.audio_s == 0.5
    assert (done.usage.peak_rss or 0) > 5_000_000
    assert done.warnings == ("it is a toy",)
    transcript = await bench.artifacts.get_value(done.output, Transcript)
    assert transcript.text == "hello"
    assert (await bench.queue().depth()).running == 0


def chain() -> tuple[PlannedStage, ...]:
    return (
        PlannedStage(name="prepare", engine="opener"),
        PlannedStage(name="transcribe", engine="ear", needs=("prepare",)),
        PlannedStage(name="merge", engine="last", needs=("transcribe",)),
    )


async def test_stages_hand_over_documents_and_tracks(bench: Bench) -> None:
    for toy in ("opener", "ear", "last"):
        await bench.start(toy)
    job = await bench.end(await bench.submit(chain(), "x" * 1000))
    assert job.status == "succeeded", bench.logs()
    assert job.transcript is not None
    transcript = await bench.artifacts.get_value(job.transcript, Transcript)
    assert transcript.text == str(44 + 2 * 1000), "the ear heard the opener's track"
    assert job.stages["transcribe"].usage.audio_s == 1000 / 16_000


async def test_a_kept_file_is_stored_under_its_attempt(bench: Bench) -> None:
    await bench.start()
    job = await bench.end(await bench.submit(one(), "hello"))
    kept = Artifact(
        uri=f"s3://{bench.artifacts.bucket}/jobs/{job.id}/prepare/1/kept.txt",
        sha256=hashlib.sha256(b"HELLO").hexdigest(),
        bytes=5,
    )
    assert await bench.artifacts.get(kept) == b"HELLO"


async def test_nothing_is_left_in_the_work_folder(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    folder.mkdir()
    engine = await bench.start(DALSTON_WORKDIR=str(folder))
    for do in ("echo", "die", "echo"):
        await bench.end(await bench.submit(one(do)))
    await until(bench, lambda _: [list(one.iterdir()) for one in folder.iterdir()] == [[]])
    await engine.stop()
    assert list(folder.iterdir()) == []


async def test_the_model_is_kept_between_tasks_and_changed_when_another_is_asked_for(
    bench: Bench,
) -> None:
    engine = await bench.start()
    for model in ("small", "small", "large"):
        job = await bench.end(await bench.submit(one(model=model)))
        assert job.stages["prepare"].usage.model == model
    loads = re.findall(r"loading (\w+)", engine.log.read_text())
    assert loads == ["small", "large"], "the first one ahead of any task"


async def test_an_unknown_model_fails_the_job_with_those_that_there_are(bench: Bench) -> None:
    await bench.start()
    job = await bench.end(await bench.submit(one(model="huge")))
    assert (job.status, job.reason) == ("failed", "toy has no model 'huge'; it has: small, large")


async def test_an_idle_model_is_unloaded_and_comes_back(bench: Bench) -> None:
    await bench.start(DALSTON_IDLE_UNLOAD_S="0.5")
    await bench.end(await bench.submit(one()))
    await until(bench, lambda one: not one.loaded and not one.memory)
    assert (await bench.end(await bench.submit(one()))).status == "succeeded"


async def test_a_child_over_its_memory_budget_is_replaced_between_tasks(
    bench: Bench, tmp_path: Path
) -> None:
    await bench.start(DALSTON_MEMORY_BUDGET=str(64 * 1024 * 1024))
    flag = tmp_path / "flag"
    grown = await bench.end(await bench.submit(one("grow", flag=str(flag))))
    assert (grown.stages["prepare"].usage.peak_rss or 0) > 64 * 1024 * 1024
    await until(bench, lambda one: bool(one.loaded) and 0 < one.memory < 64 * 1024 * 1024)
    await bench.end(await bench.submit(one(flag=str(flag))))
    first, second = flag.read_text().split()
    assert first != second


async def test_a_replica_announces_itself_and_its_task(bench: Bench, tmp_path: Path) -> None:
    engine = await bench.start(DALSTON_ENGINE_HOST="box")
    job_id = await bench.submit(one("walk", steps=80, pause=0.05))
    busy = await until(bench, lambda one: one.state == "busy" and one.stage_done > 0)
    assert (busy.replica, busy.engine, busy.stage, busy.version) == (
        "toy@box-0", "toy", "prepare", "1.2.3",
    )  # fmt: skip
    assert (busy.pid, busy.job, busy.loaded) == (engine.pid, job_id, ("small",))
    assert busy.models == ("small", "large")


async def test_health_readiness_and_metrics_are_served(bench: Bench) -> None:
    await bench.start()
    await bench.end(await bench.submit(one()))
    url = (await until(bench, lambda one: one.state == "idle")).health
    async with httpx.AsyncClient(base_url=url) as client:
        health, ready, metrics, nothing = [
            await client.get(path) for path in ("/healthz", "/readyz", "/metrics", "/nothing")
        ]
    assert health.json()["profile"] == "single"
    assert (health.status_code, ready.status_code, nothing.status_code) == (200, 200, 404)
    assert 'dalston_engine_tasks_total{engine="toy",outcome="completed",stage="prepare"} 1.0' in (
        metrics.text
    )


async def test_a_replica_is_not_ready_before_there_is_a_log(bench: Bench) -> None:
    await bench.redis.delete(bench.ledger.keys.head)
    await bench.start()
    url = (await until(bench, lambda one: one.state == "starting")).health
    async with httpx.AsyncClient(base_url=url) as client:
        assert (await client.get("/readyz")).status_code == 503
        await bench.log.create(Head(0, "", 1))
        await until(bench, lambda one: one.state == "idle")
        assert (await client.get("/readyz")).status_code == 200


async def test_a_setting_that_does_not_fit_is_named(bench: Bench) -> None:
    engine = await bench.start(DALSTON_DRAIN_S="soon")
    assert await engine.process.wait() == 2
    assert "DALSTON_DRAIN_S='soon'" in engine.log.read_text()


async def until(bench: Bench, ready: Callable[[Announcement], bool]) -> Announcement:
    """The replica's announcement once it is as wanted."""
    for _ in range(200):
        for announced in await bench.registry.alive():
            if ready(announced):
                return announced
        await asyncio.sleep(0.05)
    raise AssertionError(f"not announced: {await bench.registry.alive()}\n{bench.logs()}")


async def test_without_prewarming_no_model_is_loaded_before_a_task_asks_for_it(
    bench: Bench,
) -> None:
    engine = await bench.start(DALSTON_PREWARM="0")
    await until(bench, lambda one: one.state == "idle" and not one.loaded and not one.memory)
    assert "loading" not in engine.log.read_text()
    job = await bench.end(await bench.submit(one()))
    assert job.status == "succeeded"
    assert job.stages["prepare"].usage.model == "small"


async def test_a_task_of_a_newer_version_is_left_in_peace_and_the_next_one_is_done(
    bench: Bench,
) -> None:
    newer = await bench.submit(one())
    await bench.redis.hset(bench.ledger.keys.job(newer), "schema", "99")
    plain = await bench.submit(one())
    before = await bench.redis.hgetall(bench.ledger.keys.job(newer))
    supervisor = await bench.start()
    assert (await bench.end(plain)).status == "succeeded"
    assert await bench.redis.hgetall(bench.ledger.keys.job(newer)) == before
    assert await bench.redis.xlen(bench.queue().key) == 0
    assert f"prepare of job {newer} is not ours" in supervisor.log.read_text()
    assert await supervisor.stop() == 0


async def test_a_task_whose_job_a_newer_version_wrote_to_meanwhile_is_dropped(
    bench: Bench, tmp_path: Path
) -> None:
    flag = tmp_path / "begun"
    job = await bench.submit(one("walk", steps=200, flag=str(flag)))
    supervisor = await bench.start(DALSTON_LEASE_S="2")
    await bench.until(wait_file(flag), job)
    key = bench.ledger.keys.job(job)
    await bench.redis.hset(key, "schema", "99")
    before = await bench.redis.hgetall(key)
    deadline = time.monotonic() + 20
    while await bench.redis.xlen(bench.queue().key):
        assert time.monotonic() < deadline, bench.logs()
        await asyncio.sleep(0.05)
    assert await bench.redis.hgetall(key) == before
    assert await supervisor.stop() == 0


async def test_several_models_stay_loaded_as_far_as_they_may(bench: Bench) -> None:
    engine = await bench.start(DALSTON_MODELS_LOADED="2")
    for model in ("large", "small", "large"):
        job = await bench.end(await bench.submit(one(model=model)))
        assert job.stages["prepare"].usage.model == model
    told = await until(bench, lambda one: one.loaded == ("large", "small") and one.state == "idle")
    assert set(told.loads) == {"small", "large"}
    assert re.findall(r"loading (\w+)", engine.log.read_text()) == ["small", "large"]
    async with httpx.AsyncClient(base_url=told.health) as client:
        metrics = (await client.get("/metrics")).text
    assert 'dalston_engine_model_uses_total{engine="toy",found="warm"} 2.0' in metrics
    assert 'dalston_engine_models_loaded{engine="toy"} 2.0' in metrics
