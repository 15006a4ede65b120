"""The client against servers that stumble, each spoken to over a real socket."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from infra.client import Client, ClientError, Rejected, Unreachable, form
from streams.events import JobRequest
from web.messages import CaughtUp, Message, Snapshot

Answer = Callable[[str, bytes], Awaitable[bytes]]
"""(head of the request, body) → all bytes of the reply."""


@asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    """An HTTP/1.1 server that closes after each answer; its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = [line[15:] for line in head.splitlines() if line.lower().startswith("content-len")]
        body = await reader.readexactly(int(length[0])) if length else b""
        writer.write(await answer(head, body))
        await writer.drain()
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


def reply(status: str, body: str, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n"
    return f"{head}content-length: {len(body.encode())}\r\n\r\n{body}".encode()


def stream(*blocks: str) -> bytes:
    """A stream that breaks off after its blocks."""
    head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
    return (head + "".join(f"{block}\n\n" for block in blocks)).encode()


async def test_an_address_of_something_else_is_told() -> None:
    async def page(head: str, body: bytes) -> bytes:
        return reply("200 OK", "<html>hello</html>", "text/html")

    async with server(page) as url, Client(url) as client:
        with pytest.raises(ClientError, match="DALSTON_URL"):
            await client.jobs()


async def test_a_refusal_says_what_the_problem_says() -> None:
    async def refuse(head: str, body: bytes) -> bytes:
        problem = '{"title": "Not found", "detail": "There is no job x.", "status": 404}'
        return reply("404 Not Found", problem, "application/problem+json")

    async with server(refuse) as url, Client(url) as client:
        with pytest.raises(Rejected, match="Not found: There is no job x") as raised:
            await client.job("x")
    assert raised.value.status == 404


async def test_an_upload_is_sent_again_whole_and_under_the_same_key(tmp_path: Path) -> None:
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"RIFF" * 1000)
    seen: list[tuple[str, bytes]] = []

    async def away_once(head: str, body: bytes) -> bytes:
        seen.append((next(x for x in head.splitlines() if "idempotency" in x.lower()), body))
        if len(seen) == 1:
            return reply("503 Service Unavailable", '{"title": "Away"}')
        return reply("422 Unprocessable Content", '{"title": "Enough seen"}')

    async with server(away_once) as url, Client(url) as client:
        with pytest.raises(Rejected, match="Enough seen"):
            await client.submit(audio, JobRequest(language="en"), key="k1")
    assert [key.split(": ")[1] for key, _ in seen] == ["k1", "k1"]
    assert all(b"RIFF" * 1000 in body and b'name="language"' in body for _, body in seen)


async def test_without_a_key_nothing_is_sent_twice(tmp_path: Path) -> None:
    count = 0

    async def away(head: str, body: bytes) -> bytes:
        nonlocal count
        count += 1
        return reply("503 Service Unavailable", '{"title": "Away"}')

    async with server(away) as url, Client(url) as client:
        with pytest.raises(Rejected, match="Away"):
            await client.submit("https://example.org/a.wav", JobRequest())
    assert count == 1


async def test_a_stream_that_breaks_is_resumed_after_its_last_event() -> None:
    cursors: list[str] = []

    async def broken(head: str, body: bytes) -> bytes:
        cursors.append("".join(x for x in head.splitlines() if "last-event-id" in x.lower()))
        if len(cursors) == 1:
            return stream('id: 2-7\ndata: {"type": "snapshot", "epoch": 2, "seq": 7, "jobs": []}')
        return stream('id: 2-9\ndata: {"type": "caught_up", "epoch": 2, "seq": 9}')

    heard: list[Message] = []
    async with server(broken) as url, Client(url) as client, aclosing(client.follow()) as messages:
        async for message in messages:
            heard.append(message)
            if len(heard) == 2:
                break
    assert heard == [Snapshot(2, 7, []), CaughtUp(2, 9)]
    assert [cursor.rpartition(" ")[2] for cursor in cursors] == ["", "2-7"]


async def test_a_stream_that_stays_away_is_given_up() -> None:
    async def gone(head: str, body: bytes) -> bytes:
        return b""

    async with server(gone) as url, Client(url) as client:
        with pytest.raises(Unreachable, match="stopped answering"):
            await anext(client.follow(tries=2))


def test_only_what_was_asked_for_is_sent() -> None:
    request = JobRequest(word_timestamps=False, labels={"a": "b"}, priority=2)
    assert form(request) == {
        "word_timestamps": "false",
        "labels": '{"a":"b"}',
        "priority": "2",
    }
