"""The client of the command line on a line that is cut again and again, to a real web."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from infra import sending
from infra.client import Client, Rejected, Unreachable
from streams.artifacts import PART
from streams.events import JobRequest
from tests.web.conftest import Served
from tests.web.driver import Driver

SIZE = 5 * PART + 4321


@asynccontextmanager
async def line(port: int, breaks: list[int]) -> AsyncIterator[str]:
    """A way to the web that breaks: each connection after so many bytes of the list, in turn."""

    async def relay(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        left = breaks.pop(0) if breaks else 1 << 60

        async def up() -> None:
            nonlocal left
            while data := await client.read(65536):
                left -= len(data)
                if left < 0:
                    return
                writer.write(data)
                await writer.drain()

        async def down() -> None:
            while data := await reader.read(65536):
                answer.write(data)
                await answer.drain()

        ways = [asyncio.create_task(up()), asyncio.create_task(down())]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, answer):
            end.close()

    server = await asyncio.start_server(relay, "127.0.0.1", 0)
    host, there = server.sockets[0].getsockname()
    async with server:
        yield f"http://{host}:{there}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "Übung.wav"
    path.write_bytes(os.urandom(SIZE))
    return path


async def test_a_file_arrives_whole_over_a_line_that_breaks(
    served: Served, driver: Driver, file: Path
) -> None:
    told: list[int] = []
    port = int(served.url.rpartition(":")[2])
    breaks = [5000, PART + 99_999, 2 * PART + 500_000, 1000, PART // 2]
    async with line(port, breaks) as url, Client(url) as client:
        request = JobRequest(language="de", labels={"a": "b"})
        view = await sending.submit(client, file, request, sent=told.append)
    assert not breaks
    assert (view.filename, view.request) == ("Übung.wav", request)
    source = (await driver.state(view.id)).source
    assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert sum(told) == SIZE
    assert min(told) < 0  # what was lost is taken back
    reached = [sum(told[:n]) for n in range(len(told) + 1)]
    assert 0 <= min(reached) <= max(reached) <= SIZE


async def test_a_line_that_lets_nothing_through_ends_with_the_reason(
    served: Served, file: Path
) -> None:
    port = int(served.url.rpartition(":")[2])
    async with line(port, [10_000, *[5000] * 99]) as url, Client(url) as client:
        with pytest.raises(Unreachable, match="no answer"):
            await sending.submit(client, file, JobRequest(), sent=lambda _: None)


async def test_what_the_stack_refuses_is_told_and_not_tried_again(
    served: Served, file: Path
) -> None:
    told: list[int] = []
    async with Client(served.url) as client:
        with pytest.raises(Rejected, match="deadline_s"):
            await sending.submit(client, file, JobRequest(deadline_s=-1), sent=told.append)
    assert told == []
    file.write_bytes(b"")
    async with Client(served.url) as client:
        with pytest.raises(Rejected, match="zero bytes"):
            await sending.submit(client, file, JobRequest(), sent=lambda _: None)


async def test_a_file_that_shrinks_meanwhile_is_named(served: Served, file: Path) -> None:
    def shrunk(_: int) -> None:
        os.truncate(file, PART)

    async with Client(served.url) as client:
        with pytest.raises(OSError, match="became shorter"):
            await sending.submit(client, file, JobRequest(), sent=shrunk)
