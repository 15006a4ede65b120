"""The web process is killed with kill -9 while a piece of a file comes; another one goes on."""

import asyncio
import hashlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec

from streams.artifacts import PART
from streams.ids import is_id
from tests.web.driver import Driver
from tests.web.test_resume import PIECE, TUS
from web.settings import WebSettings

DATA = os.urandom(4 * PART + 77)


@asynccontextmanager
async def web(settings: WebSettings) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A web in a process of its own, answering."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = msgspec.to_builtins(msgspec.structs.replace(settings, web_port=port))
    environ = {f"DALSTON_{name.upper()}": str(value) for name, value in given.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "web", env={**os.environ, **environ}
    )
    try:
        async with httpx.AsyncClient() as client, asyncio.timeout(20):
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{port}/healthz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield process, f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_web_that_is_killed_in_mid_piece_loses_less_than_a_part(
    web_settings: WebSettings, projector: None, driver: Driver
) -> None:
    given = TUS | {"Upload-Length": str(len(DATA))}
    async with web(web_settings) as (process, url), httpx.AsyncClient(base_url=url) as client:
        begun = await client.post("/v1/uploads", headers=given)
        path = begun.headers["location"]

        async def half() -> AsyncIterator[bytes]:
            yield DATA[: 2 * PART + PART // 2]
            at = 0
            while at < 2 * PART:
                at = int((await client.head(path, headers=TUS)).headers["upload-offset"])
            process.send_signal(signal.SIGKILL)
            await process.wait()
            yield DATA[2 * PART + PART // 2 :]

        headers = PIECE | {"Upload-Offset": "0", "Content-Length": str(len(DATA))}
        try:
            await client.patch(path, content=half(), headers=headers)
        except httpx.TransportError:
            pass
        else:
            raise AssertionError("the killed process answered")
    async with web(web_settings) as (_, url), httpx.AsyncClient(base_url=url) as client:
        stored = int((await client.head(path, headers=TUS)).headers["upload-offset"])
        assert stored == 2 * PART
        headers = PIECE | {"Upload-Offset": str(stored)}
        reply = await client.patch(path, content=DATA[stored:], headers=headers)
        assert reply.headers["upload-offset"] == str(len(DATA))
        job_id = path.rpartition("/")[2]
        assert is_id(job_id)
        reply = await client.post("/v1/jobs", files={"upload": (None, job_id)}, timeout=30)
        assert reply.status_code == 202, reply.text
        source = (await driver.state(job_id)).source
        assert (source.bytes, source.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
