"""One HTTP request and its answer, as this store sees them: a thin layer on ASGI."""

import base64
import binascii
import hashlib
import zlib
from asyncio import to_thread
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any, BinaryIO, Protocol
from urllib.parse import parse_qsl, unquote

from infra.local.s3.documents import Element, document
from infra.local.s3.errors import S3Error
from infra.local.s3.objects import Draft
from infra.local.s3.signature import UNSIGNED, Signed

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

LARGEST = 5 << 30  # S3's own limit for one PUT
WRITE_BYTES = 1 << 20  # gathered before a thread writes it
READ_BYTES = 256 << 10
DOCUMENT_BYTES = 2 << 20  # no XML that a client sends is longer


class ClientGone(Exception):
    """The client closed the connection before its body was whole: nothing is kept."""


class Digest(Protocol):
    """What a body is checked against."""

    def update(self, data: bytes, /) -> None: ...
    def digest(self) -> bytes: ...


class Crc32:
    """zlib's checksum in the shape of hashlib's."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes, /) -> None:
        """Go on with `data`."""
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        """The four bytes."""
        return self._value.to_bytes(4, "big")


class Exchange:
    """A request, and the way to answer it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path = scope["raw_path"].decode("ascii")
        pairs = parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True)
        self.query = dict(pairs)
        self.headers = {k.decode("ascii"): v.decode("latin-1") for k, v in scope["headers"]}
        self.signed = Signed(self.method, self.path, pairs, self.headers)
        self.payload = UNSIGNED  # the promised sha256, once the signature is verified
        self.answered = False
        self._receive, self._send = receive, send
        self._whole = False

    def target(self) -> tuple[str, str]:
        """Bucket and key, either empty."""
        try:
            path = unquote(self.path, errors="strict")
        except UnicodeDecodeError:
            raise S3Error("InvalidArgument", "The path is not UTF-8.") from None
        bucket, _, key = path.removeprefix("/").partition("/")
        return bucket, key

    @property
    def length(self) -> int:
        """The body's length, as promised."""
        text = self.headers.get("content-length", "")
        if not text.isdecimal():
            raise S3Error("MissingContentLength", "The header Content-Length is missing.")
        if int(text) > LARGEST:
            raise S3Error("EntityTooLarge", f"One PUT takes at most {LARGEST} bytes: use parts.")
        return int(text)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes; raise ClientGone when it ends early, S3Error when it is not
        what its checksums say."""
        digests = promised(self.headers, self.payload)
        while not self._whole:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            self._whole = not message.get("more_body", False)
            chunk = message.get("body", b"")
            for digest, _, _ in digests:
                digest.update(chunk)
            yield chunk
        for digest, expected, code in digests:
            if digest.digest() != expected:
                raise S3Error(code, "The body's checksum is not the one that its header promises.")

    async def save(self, draft: Draft) -> None:
        """Write the body into a draft."""
        gathered = bytearray()
        async for chunk in self.chunks():
            gathered += chunk
            if len(gathered) >= WRITE_BYTES:
                await to_thread(draft.write, bytes(gathered))
                gathered.clear()
        await to_thread(draft.write, bytes(gathered))

    async def document(self) -> bytes:
        """A body that is short."""
        whole = bytearray()
        async for chunk in self.chunks():
            whole += chunk
            if len(whole) > DOCUMENT_BYTES:
                raise S3Error("EntityTooLarge", f"A document has at most {DOCUMENT_BYTES} bytes.")
        return bytes(whole)

    async def answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        """Send a whole answer."""
        given = headers or {}
        if status not in (204, 304):
            given = {"content-length": str(len(body)), **given}
        await self._start(status, given)
        await self._send(
            {"type": "http.response.body", "body": b"" if self.method == "HEAD" else body}
        )

    async def answer_xml(self, root: Element) -> None:
        """Send a document."""
        await self.answer(200, document(root), {"content-type": "application/xml"})

    async def answer_file(
        self, file: BinaryIO, start: int, size: int, status: int, headers: dict[str, str]
    ) -> None:
        """Send `size` bytes of an open file."""
        await self._start(status, {**headers, "content-length": str(size)})
        file.seek(start)
        while size:
            data = await to_thread(file.read, min(READ_BYTES, size))
            if not data:
                raise OSError(f"{file.name} ended {size} bytes early")
            size -= len(data)
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        await self._send({"type": "http.response.body", "body": b""})

    async def _start(self, status: int, headers: dict[str, str]) -> None:
        self.answered = True
        if not self._whole and self.headers.get("content-length", "0") != "0":
            headers = {**headers, "connection": "close"}  # the rest of the body is not wanted
        encoded = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})


def promised(headers: dict[str, str], payload: str) -> list[tuple[Digest, bytes, str]]:
    """The digests that a body must have: how to make each, its value, the code when it differs."""
    found: list[tuple[Digest, bytes, str]] = []
    if payload.startswith("STREAMING-"):
        raise S3Error(
            "NotImplemented", "Chunked signing is not understood: sign the body, or nothing of it."
        )
    if payload != UNSIGNED:
        try:
            found.append((hashlib.sha256(), bytes.fromhex(payload), "XAmzContentSHA256Mismatch"))
        except ValueError:
            raise S3Error(
                "InvalidArgument", f"x-amz-content-sha256 is no sha256: {payload}"
            ) from None
    kinds: dict[str, Callable[[], Digest]] = {
        "content-md5": lambda: hashlib.md5(usedforsecurity=False),
        "x-amz-checksum-sha256": hashlib.sha256,
        "x-amz-checksum-sha1": lambda: hashlib.sha1(usedforsecurity=False),
        "x-amz-checksum-crc32": Crc32,
    }
    for name, make in kinds.items():
        if value := headers.get(name):
            try:
                found.append((make(), base64.b64decode(value, validate=True), "BadDigest"))
            except binascii.Error:
                raise S3Error("InvalidArgument", f"{name} is not base64: {value}") from None
    return found
