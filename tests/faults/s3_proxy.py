"""An S3 that errs: a proxy that reads HTTP and spoils chosen requests in S3's own ways.

It is what a client of a bad store, or of one behind a bad network, gets to see; the store behind it
is sound, and says afterwards what it really holds.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from infra.local.s3 import documents
from tests.faults.proxy import Proxy

Deed = Literal["slow down", "internal error", "cut request", "cut reply", "wrong bytes", "vanish"]
"""503; 500; half a body goes up, then nothing; half comes down; one of its bits is turned; 404."""
REFUSALS = {
    "slow down": (503, "SlowDown"), "internal error": (500, "InternalError"),
    "vanish": (404, "NoSuchKey"),
}  # fmt: skip
End: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
LARGEST = 64 * 1024 * 1024


@dataclass
class Message:
    """A request or a reply: its first line and fields as they came, and its body."""

    head: bytes
    body: bytes = b""

    @property
    def line(self) -> str:
        """The first line, such as "GET /dalston/jobs/… HTTP/1.1"."""
        return self.head.partition(b"\r\n")[0].decode()

    def field(self, name: str) -> str:
        """A header's value, empty without it."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name:
                return value.strip()
        return ""


@dataclass
class Rule:
    """The next ``times`` requests with that method, whose path holds ``within``, are spoilt."""

    deed: Deed
    method: str
    within: str = ""
    times: int = 1
    done: asyncio.Event = field(default_factory=asyncio.Event)

    def takes(self, request: Message) -> bool:
        """Whether it is this request's turn."""
        method, path, _ = request.line.split(" ", 2)
        if self.times < 1 or method != self.method or self.within not in path:
            return False
        self.times -= 1
        if not self.times:
            self.done.set()
        return True


class S3Proxy(Proxy):
    """As `Proxy`, and errs by ``rules``."""

    def __init__(self, server: str, address: str) -> None:
        super().__init__(server, address)
        self.rules: list[Rule] = []

    def spoil(self, deed: Deed, method: str, within: str = "", times: int = 1) -> Rule:
        """Add a rule."""
        self.rules.append(Rule(deed, method, within, times))
        return self.rules[-1]

    async def serve(self, client: End, server: End) -> None:
        """One exchange after another, until either end closes or a rule cuts the connection."""
        while request := await _request(client):
            await self._open.wait()
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            rule = next((rule for rule in self.rules if rule.takes(request)), None)
            if not await _exchange(request, client, server, rule.deed if rule else None):
                return


async def _exchange(request: Message, client: End, server: End, deed: Deed | None) -> bool:
    """One request and its reply; False when the connection is to be cut."""
    if deed in REFUSALS:
        client[1].write(_refusal(*REFUSALS[deed], request))
        await client[1].drain()
        return True
    if deed == "cut request":
        server[1].write(request.head + request.body[: len(request.body) // 2])
        await server[1].drain()
        return False
    server[1].write(request.head + request.body)
    await server[1].drain()
    reply = await _message(server[0], bodiless=request.line.startswith("HEAD"))
    if deed == "cut reply":
        client[1].write(reply.head + reply.body[: len(reply.body) // 2])
        await client[1].drain()
        return False
    if deed == "wrong bytes" and reply.body:
        middle = len(reply.body) // 2
        turned = bytes([reply.body[middle] ^ 1])
        reply.body = reply.body[:middle] + turned + reply.body[middle + 1 :]
    client[1].write(reply.head + reply.body)
    await client[1].drain()
    return "close" not in reply.field("connection")


async def _request(client: End) -> Message | None:
    """The next request, read whole; None when the client has closed."""
    reader, writer = client
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    request = Message(head)
    if request.field("expect"):
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        lines = request.head.split(b"\r\n")
        request.head = b"\r\n".join(x for x in lines if not x.lower().startswith(b"expect:"))
    request.body = await _body(reader, request)
    return request


async def _message(reader: asyncio.StreamReader, *, bodiless: bool) -> Message:
    reply = Message(await reader.readuntil(b"\r\n\r\n"))
    if not bodiless:
        reply.body = await _body(reader, reply)
    return reply


async def _body(reader: asyncio.StreamReader, message: Message) -> bytes:
    assert not message.field("transfer-encoding"), "lengths only, as our store and clients send"
    length = int(message.field("content-length") or 0)
    assert length <= LARGEST
    return await reader.readexactly(length)


def _refusal(status: int, code: str, request: Message) -> bytes:
    body = documents.error(code, "The proxy says so.", request.line.split(" ")[1])
    if request.line.startswith("HEAD"):
        body = b""
    return (
        f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
