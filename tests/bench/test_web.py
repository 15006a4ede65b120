"""What measures the sockets finds fault where there is one, wherever the network cuts the bytes."""

import asyncio

import msgspec
import pytest
from websockets.frames import Frame, Opcode

from bench.web.account import phase
from bench.web.clients import Heard, Socket, joined
from bench.web.wire import Frames

OPEN = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
BODIES = [b"a", b"b" * 125, b"c" * 126, b"d" * 65_535, b"e" * 65_536]


def frame(body: bytes) -> bytes:
    """As a server sends it."""
    return Frame(Opcode.TEXT, body).serialize(mask=False)


@pytest.mark.parametrize("size", [1, 7, 1460, 1_000_000])
def test_frames_come_out_whole_wherever_the_bytes_are_cut(size: int) -> None:
    sent = OPEN + b"".join(frame(body) for body in BODIES)
    frames = Frames()
    came: list[tuple[str, bytes]] = []
    for at in range(0, len(sent), size):
        came += frames.feed(sent[at : at + size])
    assert came == [("open", b""), *(("text", body) for body in BODIES)]


def test_a_server_that_refuses_is_heard() -> None:
    ((kind, body),) = Frames().feed(b"HTTP/1.1 503 Unavailable\r\n\r\nlater")
    assert (kind, body) == ("refused", b"HTTP/1.1 503 Unavailable\r\n\r\nlater")


def told(*revs: int) -> list[bytes]:
    """Messages of the socket, after its handshake."""
    meta = '{"sent": "1.0"}'
    said = [{"type": "event", "event": {"seq": 1, "rev": rev, "meta": meta}} for rev in revs]
    return [OPEN, *(frame(msgspec.json.encode(one)) for one in said)]


@pytest.mark.parametrize(
    ("revs", "doubled", "missed", "exact"),
    [
        ((4, 5, 6), 0, 0, True),
        ((4, 5, 5, 6), 1, 0, False),
        ((4, 6), 0, 1, False),
        ((4, 6, 5), 1, 1, False),
        ((4, 5), 0, 1, False),
    ],
)
async def test_what_is_missing_doubled_or_out_of_order_is_counted(
    revs: tuple[int, ...], doubled: int, missed: int, exact: bool
) -> None:
    heard = Heard()
    one = Socket("job", 3, heard, slow=False, greeted=False)
    for data in told(*revs):
        one.data_received(data)
    await asyncio.sleep(0)
    heard.at = [("job", one.at)]
    found = phase(
        [joined([Heard(), heard])], [1.0, 2.0], stood={"job": 3}, stands={"job": 6}, busy=1.0,
        seconds=2.0,
    )  # fmt: skip
    assert (found.doubled, found.missed, found.exact) == (doubled, missed, exact)
