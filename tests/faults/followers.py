"""Readers of the live log who come and go, resume, or read nothing for a while, and keep it all."""

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field

import httpx
import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from infra import sse
from web.messages import CaughtUp, EventMessage, FellBehind, Message, Snapshot
from web.views import CloudEvent

AGAIN_S = 0.3
AWAY = (OSError, httpx.HTTPError, WebSocketException, InvalidHandshake, TimeoutError)
_decode = msgspec.json.Decoder(Message).decode


@dataclass
class Seen:
    """What a reader was told, in order, from one snapshot on; ``seq`` is where it stands."""

    snapshot: Snapshot
    events: list[CloudEvent] = field(default_factory=list)

    @property
    def at(self) -> tuple[int, int]:
        """(epoch, seq) of the last word."""
        last = self.events[-1] if self.events else self.snapshot
        return last.epoch, last.seq


class Follower:
    """One reader. ``patience_s``: how long it stays away from its socket, or reads nothing."""

    def __init__(self, url: str, chance: random.Random, *, kind: str, stalls: bool = False) -> None:
        self.name = f"{kind}{' that stalls' if stalls else ''}"
        self.seen: list[Seen] = []
        self.wrong: list[str] = []
        self.resumed = self.fell = 0
        self.away = ""
        """Why the last connection ended."""
        self._url = url
        self._chance = chance
        self._listen = self._websocket if kind == "websocket" else self._stream
        self._stalls = stalls

    def hurry(self) -> None:
        """No more stalling."""
        self._stalls = False

    async def follow(self) -> None:
        """For ever."""
        while True:
            try:
                await self._once()
                self.away = "had enough"
            except AWAY as error:  # it comes back with the cursor
                self.away = repr(error)
            self.resumed += bool(self.seen)
            await asyncio.sleep(AGAIN_S)

    def stands_at(self, seq: int) -> bool:
        """Whether it has been told everything up to there."""
        return bool(self.seen) and self.seen[-1].at[1] >= seq

    async def _once(self) -> None:
        """One connection: until it breaks, or the reader has had enough."""
        left = self._chance.randint(20, 400)
        async with aclosing(self._listen()) as messages:
            async for message in messages:
                self._take(message)
                left -= 1
                if left == 0:
                    return
                if self._stalls and self._chance.random() < 0.02:
                    await asyncio.sleep(self._chance.uniform(1.0, 6.0))

    def _take(self, message: Message) -> None:
        match message:
            case Snapshot():
                self.seen.append(Seen(message))
            case EventMessage(event=event):
                if not self.seen:
                    self.wrong.append(f"event {event.seq} came before any snapshot")
                elif event.seq != self.seen[-1].at[1] + 1:
                    self.wrong.append(f"event {event.seq} came after {self.seen[-1].at}")
                else:
                    self.seen[-1].events.append(event)
            case CaughtUp(epoch=epoch, seq=seq):
                # The epoch may have begun since the last event, which is of the one before.
                if not self.seen or self.seen[-1].at[1] != seq or self.seen[-1].at[0] > epoch:
                    self.wrong.append(f"caught up with {epoch}-{seq}, but nothing led there")
            case FellBehind():
                self.fell += 1

    def _cursor(self) -> dict[str, int | str]:
        if not self.seen:
            return {}
        epoch, seq = self.seen[-1].at
        events = self.seen[-1].events
        return {"epoch": epoch, "seq": seq, "id": events[-1].id if events else ""}

    async def _websocket(self) -> AsyncGenerator[Message]:
        query = "&".join(f"{name}={value}" for name, value in self._cursor().items())
        url = f"{self._url.replace('http', 'ws', 1)}/v1/events?{query}"
        async with connect(
            url, open_timeout=10, close_timeout=1, max_queue=4, max_size=None
        ) as socket:
            async for text in socket:
                yield _decode(text)

    async def _stream(self) -> AsyncGenerator[Message]:
        cursor = self._cursor()
        headers = {"last-event-id": "-".join(map(str, cursor.values()))} if cursor else {}
        timeout = httpx.Timeout(20.0)
        async with (
            httpx.AsyncClient(timeout=timeout, trust_env=False) as http,
            http.stream("GET", f"{self._url}/v1/events", headers=headers) as reply,
        ):
            reply.raise_for_status()
            async for sent in sse.read(reply.aiter_lines()):
                yield _decode(sent.data)
