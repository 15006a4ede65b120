"""Audio by URL: public addresses only, checked at each hop, bounded."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import msgspec
import pytest

from streams.artifacts import Artifacts
from tests.web.conftest import Served, serving
from tests.web.driver import Driver
from tests.web.test_commands import objects
from web.addresses import AddressPolicy
from web.errors import Unprocessable
from web.settings import WebSettings

Answer = Callable[[str], bytes]


@asynccontextmanager
async def site(answer: Answer) -> AsyncIterator[str]:
    """A small HTTP server; ``answer`` gets the path."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(request.split(b" ")[1].decode()))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


def ok(body: bytes, kind: str = "audio/ogg") -> bytes:
    """A whole answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def to(place: str) -> bytes:
    """A redirect."""
    return f"HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_the_audio_of_a_url_becomes_a_job(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    def answer(path: str) -> bytes:
        return ok(b"OggS" * 100) if path == "/a/My%20talk.ogg?x=1" else to("/a/My%20talk.ogg?x=1")

    async with site(answer) as url:
        reply = await served.client.post("/v1/jobs", files={"url": (None, f"{url}/start")})
    assert reply.status_code == 202, reply.text
    assert reply.json()["filename"] == "My talk.ogg"
    source = (await driver.state(reply.json()["id"])).source
    assert source.media_type == "audio/ogg"
    assert await artifacts.get(source) == b"OggS" * 100


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _: b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404"),
        (lambda _: ok(b""), "zero bytes"),
        (lambda _: to("/again"), "redirected over 5 times"),
        (lambda _: to("ftp://127.0.0.1/x"), "http or https"),
        (lambda _: to("http://169.254.169.254/latest"), "not a public address"),
        (lambda _: ok(b"x" * 100)[:-50], "cannot be fetched"),
        (lambda _: b"nonsense", "cannot be fetched"),
    ],
)
async def test_a_url_that_gives_no_audio_is_refused_and_leaves_nothing(
    served: Served, artifacts: Artifacts, answer: Answer, words: str
) -> None:
    async with site(answer) as url:
        reply = await served.client.post("/v1/jobs", files={"url": (None, f"{url}/a.ogg")})
    assert reply.status_code in {400, 422}
    assert words in reply.json()["detail"]
    assert await objects(artifacts) == []


async def test_size_and_time_of_a_url_are_limited(
    web_settings: WebSettings, projector: None, artifacts: Artifacts
) -> None:
    tight = msgspec.structs.replace(web_settings, max_upload=1000, url_timeout_s=0.5)
    async with serving(tight) as served:
        async with site(lambda _: ok(bytes(2000))) as url:
            reply = await served.client.post("/v1/jobs", files={"url": (None, url)})
            assert reply.status_code == 413
        async with site(lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n") as url:
            reply = await served.client.post("/v1/jobs", files={"url": (None, url)})
            assert reply.status_code == 422
    assert await objects(artifacts) == []


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "10.1.2.3", "192.168.0.1", "169.254.169.254", "0.0.0.0", "::1", "::",
     "fd00::1", "fe80::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "100.64.0.1",
     "224.0.0.1", "2130706433", "0x7f.1", "no-such-host.invalid"],
)  # fmt: skip
async def test_addresses_that_are_not_public_are_refused(host: str) -> None:
    with pytest.raises(Unprocessable):
        await AddressPolicy("").resolve(host, 80)


async def test_an_operator_can_allow_some() -> None:
    policy = AddressPolicy("10.0.0.0/8, localhost")
    assert await policy.resolve("10.1.2.3", 80) == "10.1.2.3"
    assert await policy.resolve("localhost", 80) in {"127.0.0.1", "::1"}
    assert await AddressPolicy("").resolve("8.8.8.8", 80) == "8.8.8.8"
    with pytest.raises(Unprocessable):
        await policy.resolve("127.0.0.1", 80)
