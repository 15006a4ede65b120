"""The reader of server-sent events."""

from collections.abc import AsyncIterator

from infra.sse import Sent, read


async def lines(text: str) -> AsyncIterator[str]:
    for line in text.splitlines():
        yield line


async def test_events_end_at_empty_lines_and_keep_the_last_id() -> None:
    text = ": hello\n\nid: 1-4\nevent: snapshot\ndata: {\ndata: }\n\ndata:x\n\n"
    assert [sent async for sent in read(lines(text))] == [
        Sent("snapshot", "{\n}", "1-4"),
        Sent("message", "x", "1-4"),
    ]


async def test_an_event_that_is_cut_off_is_dropped() -> None:
    assert [sent async for sent in read(lines("data: whole\n\ndata: cut"))] == [
        Sent("message", "whole", "")
    ]
