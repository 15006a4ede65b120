"""Redis or S3 away for ten seconds while tasks run: the engines wait, and nothing is lost."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from infra.local import valkey as local_valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from streams.artifacts import Artifacts
from streams.settings import Settings
from tests.engines.sdk.conftest import Bench, Supervisor, one, wait_file

AWAY_S = 10.0


class Line:
    """A line to a server, which can be cut: new connections are refused, old ones drop."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def mend(self) -> None:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):
            writer.transport.abort()
        await asyncio.sleep(0)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(*self._to)
        self._open |= {writer, far_writer}
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        self._open -= {writer, far_writer}


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@pytest.fixture
async def own_valkey(tmp_path: Path) -> AsyncIterator[tuple[str, Child]]:
    run = socket_directory()
    program = local_valkey.program(
        data=tmp_path / "valkey", run=run, log=tmp_path / "valkey.log", environ={}
    )
    child = Child(program)
    await child.start()
    yield local_valkey.url(run), child
    await child.stop()
    discard(run)


@pytest.fixture
def settings(settings: Settings, own_valkey: tuple[str, Child]) -> Settings:
    return replace(settings, redis_url=own_valkey[0])


async def begin(bench: Bench, engine: Supervisor, flag: Path) -> tuple[str, str]:
    """A job whose task runs for some seconds, and one behind it."""
    first = await bench.submit(one("walk", steps=40, pause=0.1, flag=str(flag)))
    second = await bench.submit(one())
    await bench.until(wait_file(flag), first)
    assert engine.process.returncode is None
    return first, second


async def test_redis_away_for_ten_seconds_loses_no_work(
    bench: Bench, own_valkey: tuple[str, Child], tmp_path: Path
) -> None:
    engine = await bench.start()
    first, second = await begin(bench, engine, tmp_path / "flag")
    await own_valkey[1].stop()
    await asyncio.sleep(AWAY_S)
    await own_valkey[1].start()
    for job_id in (first, second):
        job = await bench.end(job_id, s=30)
        assert job.status == "succeeded", bench.logs()
        assert job.stages["prepare"].token == 1, "nobody had to do it again"
    assert engine.process.returncode is None
    assert (await bench.queue().depth()).running == 0


async def test_redis_full_for_ten_seconds_loses_no_work(bench: Bench, tmp_path: Path) -> None:
    """Leases live on meanwhile, and what cannot be written is written once there is memory."""
    engine = await bench.start(DALSTON_LEASE_S="2")
    first, second = await begin(bench, engine, tmp_path / "flag")
    await bench.redis.config_set("maxmemory", "1")
    for _ in range(int(AWAY_S)):
        await asyncio.sleep(1.0)
        assert await bench.queue().lost(2.0) == []
    assert not (await bench.job(first)).terminal, "its end cannot be written yet"
    assert "maxmemory" in bench.logs()
    await bench.redis.config_set("maxmemory", "0")
    for job_id in (first, second):
        job = await bench.end(job_id, s=30)
        assert job.status == "succeeded", bench.logs()
        assert (job.stages["prepare"].token, job.stages["prepare"].failed) == (1, 0)
    assert engine.process.returncode is None


async def test_s3_away_for_ten_seconds_loses_no_work(bench: Bench, tmp_path: Path) -> None:
    there = urlsplit(bench.settings.s3_url)
    line = Line(there.hostname or "", there.port or 0)
    await line.mend()
    engine = await bench.start(DALSTON_S3_URL=f"http://127.0.0.1:{line.port}")
    first, second = await begin(bench, engine, tmp_path / "flag")
    await line.cut()
    await asyncio.sleep(AWAY_S)
    assert not (await bench.job(first)).terminal, "its output cannot be stored yet"
    await line.mend()
    for job_id in (first, second):
        job = await bench.end(job_id, s=60)
        assert job.status == "succeeded", bench.logs()
        assert (job.stages["prepare"].token, job.stages["prepare"].failed) == (1, 0)
    await line.cut()


async def test_an_input_that_is_gone_fails_the_attempt_by_name(bench: Bench) -> None:
    async with Artifacts(bench.settings) as artifacts:
        job_id = await bench.submit(one())
        await artifacts.erase(job_id)
    await bench.start()
    job = await bench.end(job_id)
    assert job.stages["prepare"].reason == (
        f"an input cannot be had: s3://{bench.artifacts.bucket}/jobs/{job_id}/source "
        "is not in the store"
    )


async def test_a_drain_while_redis_is_away_still_ends(
    bench: Bench, own_valkey: tuple[str, Child], tmp_path: Path
) -> None:
    engine = await bench.start(DALSTON_DRAIN_S="1")
    await begin(bench, engine, tmp_path / "flag")
    await own_valkey[1].stop()
    await asyncio.sleep(1.0)
    engine.process.terminate()
    assert await asyncio.wait_for(engine.process.wait(), 20) == 0
    await own_valkey[1].start()
