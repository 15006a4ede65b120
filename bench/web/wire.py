"""As much of RFC 6455 as a client needs that only reads: the handshake, and frames out of bytes."""

from collections.abc import Iterator
from typing import Literal

Kind = Literal["open", "refused", "text", "ping"]
_KINDS: dict[int, Kind] = {0x81: "text", 0x89: "ping"}


def handshake(path: str) -> bytes:
    """The request that opens a socket."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: ZGFsc3RvbiBsb2FkIHRlcw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def pong(body: bytes) -> bytes:
    """The answer to a ping; its mask is zero, which is a mask too."""
    return bytes([0x8A, 0x80 | len(body), 0, 0, 0, 0]) + body


class Frames:
    """Cuts what a server sends into whole, unfragmented frames."""

    def __init__(self) -> None:
        self._rest = b""
        self._open = False

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """What is complete with these bytes."""
        data = self._rest + data if self._rest else data
        if not self._open:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                self._rest = head
                return
            if not head.startswith(b"HTTP/1.1 101 "):
                yield "refused", head + end + data
                return
            self._open = True
            yield "open", b""
        at, size = 0, len(data)
        while size - at >= 2:
            begin, length = at + 2, data[at + 1]
            if length == 126:
                begin, length = at + 4, int.from_bytes(data[at + 2 : at + 4])
            elif length == 127:
                begin, length = at + 10, int.from_bytes(data[at + 2 : at + 10])
            if begin + length > size:
                break
            if kind := _KINDS.get(data[at]):
                yield kind, data[begin : begin + length]
            at = begin + length
        self._rest = data[at:]
