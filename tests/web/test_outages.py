"""Redis, Postgres or the object store away: a clear answer soon, nothing lost, no trace shown."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import psutil
from redis.asyncio import Redis

from infra.local.child import Child
from streams.settings import Settings
from tests.conftest import ObjectStore, Server
from tests.web.conftest import Served, post, serving, settled, until
from tests.web.driver import Driver
from web.settings import WebSettings


@contextmanager
def frozen(child: Child) -> Iterator[None]:
    """A server that answers nothing: worse than one that is gone, for nobody is refused."""
    assert child.pid is not None
    process = psutil.Process(child.pid)
    family = [process.pid, *(one.pid for one in process.children(recursive=True))]
    try:
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in family:
            os.kill(pid, signal.SIGCONT)


async def refused(served: Served, method: str, path: str, words: str) -> None:
    """The request is answered in time, with a problem and a time to come back."""
    began = time.monotonic()
    reply = await served.client.request(method, path)
    assert time.monotonic() - began < 13
    assert reply.status_code == 503, reply.text
    assert reply.headers["retry-after"].isdigit()
    assert words in reply.json()["detail"]
    assert "Traceback" not in reply.text


async def listed(served: Served, query: str) -> list[str]:
    reply = await served.client.get(f"/v1/jobs{query}")
    return [job["id"] for job in reply.raise_for_status().json()["jobs"]]


async def test_jobs_are_accepted_and_read_while_redis_is_away(
    served: Served, driver: Driver, valkey: Server
) -> None:
    before = await post(served)
    await settled(served)
    with frozen(valkey.child):
        reply = await served.client.post("/v1/jobs", files={"file": ("a.wav", b"RIFF")})
        assert (reply.status_code, reply.json()["status"]) == (202, "accepted")
        job_id = reply.json()["id"]
        for known in (before, job_id):
            assert (await served.client.get(f"/v1/jobs/{known}")).status_code == 200
        assert await listed(served, "") == [job_id, before]
        assert await listed(served, "?limit=1") == [job_id]
        assert await listed(served, f"?before={job_id}") == [before]
        assert await listed(served, "?status=accepted") == [job_id]
        assert await listed(served, "?status=queued") == [before]
        assert await listed(served, "?q=A.W") == [job_id]
        assert await listed(served, "?since=1h") == [job_id, before]
        assert await listed(served, "?until=1h") == []
        assert await listed(served, "?stage=prepare") == [before]
        await refused(served, "POST", f"/v1/jobs/{before}/cancel", "")
        ready = await served.client.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["redis"] == "no answer in 3 s"
        assert ready.json()["postgres"] == "ok"
        assert (await served.client.get("/healthz")).status_code == 200
    async with asyncio.timeout(20):
        while (await served.client.get(f"/v1/jobs/{job_id}")).json()["status"] == "accepted":
            await asyncio.sleep(0.2)
    await until(lambda: served.web.hub.live)
    await driver.complete(job_id)
    assert (await served.client.get(f"/v1/jobs/{job_id}?wait=10")).json()["status"] == "succeeded"


async def test_a_redis_without_memory_is_named_and_jobs_are_accepted_all_the_same(
    served: Served, driver: Driver, redis: Redis
) -> None:
    before = await post(served)
    await settled(served)
    await redis.config_set("maxmemory", "1")
    try:
        reply = await served.client.post("/v1/jobs", files={"file": ("a.wav", b"RIFF")})
        assert (reply.status_code, reply.json()["status"]) == (202, "accepted")
        job_id = reply.json()["id"]
        assert (await served.client.get(f"/v1/jobs/{before}")).status_code == 200
        said = await served.client.post(f"/v1/jobs/{before}/cancel")
        assert said.status_code == 507
        assert "is full: make room" in said.json()["detail"]
    finally:
        await redis.config_set("maxmemory", "0")
    async with asyncio.timeout(20):
        while (await served.client.get(f"/v1/jobs/{job_id}")).json()["status"] == "accepted":
            await asyncio.sleep(0.2)
    await driver.complete(job_id)
    assert (await served.client.get(f"/v1/jobs/{job_id}?wait=10")).json()["status"] == "succeeded"


async def test_nothing_is_accepted_while_postgres_is_away(served: Served, postgres: Server) -> None:
    with frozen(postgres.child):
        await refused(served, "GET", "/v1/jobs", "in time")
        began = time.monotonic()
        reply = await served.client.post("/v1/jobs", files={"file": ("a.wav", b"RIFF")})
        assert (reply.status_code, time.monotonic() - began < 13) == (503, True)
    async with asyncio.timeout(20):
        while (await served.client.get("/v1/jobs")).status_code != 200:
            await asyncio.sleep(0.2)
    await post(served)


async def test_a_transcript_waits_for_the_store_but_not_for_ever(
    served: Served, driver: Driver, s3: ObjectStore
) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    with frozen(s3.child):
        await refused(served, "GET", f"/v1/jobs/{job_id}/transcript", "in time")
    reply = await served.client.get(f"/v1/jobs/{job_id}/transcript")
    assert reply.status_code == 200


async def test_a_web_without_any_server_behind_it_says_so(settings: Settings) -> None:
    nowhere = WebSettings(
        **{
            **msgspec.structs.asdict(settings),
            "redis_url": "redis://127.0.0.1:1/0",
            "postgres_dsn": "postgresql://dalston@127.0.0.1:1/dalston",
            "s3_url": "http://127.0.0.1:1",
        },
        web_port=0,
    )
    async with serving(nowhere) as served:
        for path in ("/v1/jobs", "/v1/search?q=x", "/v1/engines"):
            await refused(served, "GET", path, "again")
        alive = await served.client.get("/healthz")
        assert (alive.status_code, alive.json()["profile"]) == (200, "single")
        ready = (await served.client.get("/readyz")).json()
        assert ready["ready"] is False
        assert "Postgres is away" in ready["postgres"] or "cannot be reached" in ready["postgres"]
        assert (await served.client.get("/metrics")).status_code == 200
