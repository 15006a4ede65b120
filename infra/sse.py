"""Server-sent events, the reader's side: lines of a response → (event, data, id)."""

from collections.abc import AsyncIterable, AsyncIterator
from typing import NamedTuple


class Sent(NamedTuple):
    """One event of the stream; ``id`` is what goes into Last-Event-ID to resume after it."""

    event: str
    data: str
    id: str


async def read(lines: AsyncIterable[str]) -> AsyncIterator[Sent]:
    """The events of a text/event-stream, comments left out; a cut off last one is dropped."""
    event, data, last = "message", list[str](), ""
    async for line in lines:
        if not line:
            if data:
                yield Sent(event, "\n".join(data), last)
            event, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match field:
            case "event":
                event = value
            case "data":
                data.append(value)
            case "id":
                last = value
            case _:  # a comment, or a field of a later version
                pass
