"""Task hand-off: from `stage.completed` to the next engine's `stage.started`, as the log has it.

Both times are Redis's; the first is taken before the commit that makes the next stage ready, so the
span holds that commit's fsync, the wake-up, and the decision to start.
"""

import asyncio
from statistics import quantiles

import httpx

from bench.report import Row
from streams.connection import connect
from streams.events import Event, StageCompleted, StageStarted
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings


async def measure(settings: Settings, url: str, clip: bytes, jobs: int) -> list[Row]:
    """Run short jobs one after another and read the spans off the log."""
    redis = connect(settings.redis_url)
    log = Log(redis, Keys(settings.key_prefix, settings.partition))
    head = await log.head()
    assert head
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        for _ in range(jobs):
            answer = await client.post("/v1/jobs?wait=60", files={"file": ("clip.wav", clip)})
            assert answer.json()["status"] == "succeeded", answer.text
    events = [event async for event in _since(log, head.seq)]
    await redis.aclose()
    spans = _spans(events)
    marks = quantiles(spans, n=100)
    return [
        Row("task hand-off, p50", f"{marks[49]:.1f} ms", "under 3 ms", marks[49] < 3),
        Row("task hand-off, p99", f"{marks[98]:.1f} ms", "under 15 ms", marks[98] < 15),
        Row("… over so many hand-offs", str(len(spans))),
    ]


def _spans(events: list[Event]) -> list[float]:
    done: dict[str, Event] = {}
    spans = []
    for event in events:
        if isinstance(event.fact, StageCompleted):
            done[event.job] = event
        elif isinstance(event.fact, StageStarted) and event.job in done:
            spans.append((event.time - done.pop(event.job).time).total_seconds() * 1000)
    return spans


async def _since(log: Log, seq: int):  # type: ignore[no-untyped-def]
    while batch := await log.read(seq):
        for event in batch:
            yield event
        seq = batch[-1].seq
        await asyncio.sleep(0)
