"""What supervisor and child say to each other: msgpack in frames of a length and a body."""

import socket
import struct
from typing import TypeAlias

import msgspec

from engines.sdk.holdings import Held
from engines.sdk.host import Result
from streams.events import FailureKind, Heard, Options

LENGTH = struct.Struct("!I")


class Load(msgspec.Struct, frozen=True, tag=True):
    """Order: have this model ready (None: the engine has none)."""

    model: str | None


class Run(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Order: do this task; its files lie in ``workdir``."""

    job: str
    stage: str
    token: int
    workdir: str
    base_uri: str
    options: Options
    filename: str
    source: str | None = None
    documents: dict[str, bytes] = {}
    tracks: tuple[str, ...] = ()
    aloud: bool = False
    """Whether what is heard is to be told meanwhile; a supervisor of before does not ask."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """Report: the engine's code is imported; orders may come."""


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """Report: the model is there, after ``seconds`` of loading."""

    model: str | None
    seconds: float


class Holds(msgspec.Struct, frozen=True, tag=True):
    """Report: these models are loaded now, the most recently used first."""

    models: tuple[Held, ...]


class Progressed(msgspec.Struct, frozen=True, tag=True):
    """Report: the task is that far, 0 to 1."""

    fraction: float


class Told(msgspec.Struct, frozen=True, tag=True):
    """Report: these segments were heard, the first of them number ``first``."""

    first: int
    segments: tuple[Heard, ...]


class Done(msgspec.Struct, frozen=True, tag=True):
    """Report: the task is done."""

    result: Result


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Report: the order cannot be carried out; the trace is for the log only."""

    kind: FailureKind
    reason: str
    trace: str = ""
    peak_rss: int | None = None
    peak_gpu: int | None = None


Order: TypeAlias = Load | Run
Report: TypeAlias = Ready | Loaded | Holds | Progressed | Told | Done | Failed

_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[Order] = msgspec.msgpack.Decoder(Order)
_reports: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)


def frame(message: Order | Report) -> bytes:
    """A message ready for the wire."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_report(body: bytes) -> Report:
    """A report from the body of its frame."""
    return _reports.decode(body)


def next_order(wire: socket.socket) -> Order | None:
    """The next order, when it comes; None when the supervisor is gone."""
    head = _read(wire, LENGTH.size)
    body = _read(wire, LENGTH.unpack(head)[0]) if head else b""
    return _orders.decode(body) if body else None


def _read(wire: socket.socket, size: int) -> bytes:
    body = bytearray()
    while len(body) < size:
        piece = wire.recv(min(size - len(body), 1 << 20))
        if not piece:
            return b""
        body += piece
    return bytes(body)
