"""What only a real S3 can do wrong; the rest is in the contract of test_twins."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace

from streams.artifacts import PART, Artifacts, key_of, source_key
from streams.errors import ArtifactCorrupt
from streams.events import Artifact
from streams.settings import Settings


@pytest.fixture
async def artifacts(settings: Settings) -> AsyncIterator[Artifacts]:
    async with Artifacts(settings) as store:
        yield store


@asynccontextmanager
async def losing_replies(url: str, mark: bytes) -> AsyncIterator[str]:
    """A way to the server on which the first reply that holds ``mark`` is lost."""
    target = urlsplit(url)
    lost: list[bytes] = []

    async def relay(client: asyncio.StreamReader, answer: asyncio.StreamWriter) -> None:
        reader, writer = await asyncio.open_connection(target.hostname, target.port)

        async def up() -> None:
            while data := await client.read(65536):
                writer.write(data)
                await writer.drain()

        async def down() -> None:
            while data := await reader.read(65536):
                if mark in data and not lost:
                    lost.append(data)
                    return
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
    host, port = server.sockets[0].getsockname()
    async with server:
        yield f"http://{host}:{port}"
    assert lost, "the reply came through"


async def stream(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1_000_000):
        yield data[at : at + 1_000_000]


def test_two_attempts_never_share_a_key() -> None:
    assert key_of("j", "prepare", 1, "x.wav") == "jobs/j/prepare/1/x.wav"
    assert key_of("j", "prepare", 2, "x.wav") != key_of("j", "prepare", 1, "x.wav")
    assert source_key("j") == "jobs/j/source"


async def test_a_lost_reply_to_the_end_of_an_upload_is_no_failure(settings: Settings) -> None:
    data = bytes(PART + 1)
    async with (
        losing_replies(settings.s3_url, b"CompleteMultipartUploadResult") as url,
        Artifacts(replace(settings, s3_url=url)) as store,
    ):
        put = await store.put_stream("jobs/j/source", stream(data), "audio/wav")
        assert await store.get(put) == data


async def test_a_lost_reply_to_a_small_put_is_no_failure(settings: Settings) -> None:
    async with (
        losing_replies(settings.s3_url, b"HTTP/1.1 200") as url,
        Artifacts(replace(settings, s3_url=url)) as store,
    ):
        put = await store.put("jobs/j/a/1/x", b"1234", "text/plain")
        assert await store.get(put) == b"1234"


async def test_of_two_writers_of_other_bytes_one_wins(artifacts: Artifacts) -> None:
    results = await asyncio.gather(
        *(artifacts.put("jobs/j/a/1/x", b"%d" % n, "text/plain") for n in range(8)),
        return_exceptions=True,
    )
    (won,) = [put for put in results if isinstance(put, Artifact)]
    assert all(isinstance(put, ArtifactCorrupt) for put in results if put is not won)
    assert hashlib.sha256(await artifacts.get(won)).hexdigest() == won.sha256


async def test_an_upload_that_is_cancelled_leaves_no_part(artifacts: Artifacts) -> None:
    begun = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for count in itertools.count():
            yield bytes(1_000_000)
            if count > PART // 1_000_000 + 1:  # the first part is there
                begun.set()
                await asyncio.sleep(0.01)

    task = asyncio.create_task(artifacts.put_stream("jobs/j/source", endless(), "audio/wav"))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    uploads = await artifacts._s3.list_multipart_uploads(Bucket=artifacts.bucket)
    assert not uploads.get("Uploads")


async def test_many_objects_are_erased_over_several_pages(artifacts: Artifacts) -> None:
    for first in range(0, 1100, 100):
        await asyncio.gather(
            *(
                artifacts.put(f"jobs/j/a/1/{n}", b"", "text/plain")
                for n in range(first, first + 100)
            )
        )
    assert await artifacts.erase("j") == 1100
    assert await artifacts.erase("j") == 0
