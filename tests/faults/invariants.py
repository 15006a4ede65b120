"""What must hold at rest, read from the servers themselves: the design's invariants as a check."""

from collections import Counter, defaultdict
from typing import Any

import asyncpg

from projector import database, queries
from streams import job as jobs
from streams.connection import connect
from streams.events import Event, StageCompleted, StageReady, StageStarted
from streams.job import fold
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings


async def check(settings: Settings) -> list[Event]:
    """Assert all that can be seen from outside; give the archive's events."""
    events = await _archive(settings)
    _numbered(events)
    _completed_once(events)
    folded = _fold(events)
    await _same_in_postgres(settings, folded)
    await _same_in_redis(settings, folded, events)
    return events


async def _archive(settings: Settings) -> list[Event]:
    engine = database.engine(settings)
    events: list[Event] = []
    async with engine.connect() as connection:
        while batch := await queries.events(
            connection, after=events[-1].seq if events else 0, limit=5000
        ):
            events += batch
    await engine.dispose()
    return events


def _numbered(events: list[Event]) -> None:
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert [event.prev for event in events] == ["", *(event.id for event in events[:-1])]
    assert len({event.id for event in events}) == len(events)


def _completed_once(events: list[Event]) -> None:
    done = Counter(
        (event.job, event.fact.stage) for event in events if isinstance(event.fact, StageCompleted)
    )
    assert not {key: count for key, count in done.items() if count > 1}
    tokens: dict[tuple[str, str], int] = defaultdict(int)
    for event in events:
        if not isinstance(event.fact, StageReady | StageStarted | StageCompleted):
            continue
        token, key = event.fact.token, (event.job, event.fact.stage)
        assert token >= tokens[key], f"seq {event.seq}: an attempt came back from the dead"
        tokens[key] = token


def _fold(events: list[Event]) -> dict[str, jobs.Job]:
    stories: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        stories[event.job].append(event)
    folded = {name: fold(story) for name, story in stories.items()}
    return {name: job for name, job in folded.items() if job is not None}


async def _same_in_postgres(settings: Settings, folded: dict[str, jobs.Job]) -> None:
    connection = await asyncpg.connect(settings.postgres_dsn)
    rows: list[Any] = await connection.fetch("SELECT id, state FROM jobs")
    await connection.close()
    assert {row["id"]: jobs.decode(row["state"]) for row in rows} == folded


async def _same_in_redis(
    settings: Settings, folded: dict[str, jobs.Job], events: list[Event]
) -> None:
    redis: Any = connect(settings.redis_url)
    keys = Keys(settings.key_prefix, settings.partition)
    head = await Log(redis, keys).head()
    assert head
    assert (head.seq, head.id) == (events[-1].seq, events[-1].id)
    for name, job in folded.items():
        state = await redis.hget(keys.job(name), "state")
        assert state is None or jobs.decode(state) == job
        assert state is not None or job.terminal
    for engine in ("audio_prepare", "faster_whisper", "merge"):
        pending = await redis.xpending(keys.queue(engine), keys.GROUP)
        assert pending["pending"] == 0, f"{engine} still holds tasks"
        assert await redis.xlen(keys.queue(engine)) == 0
        assert await redis.zcard(keys.backlog(engine)) == 0
    await redis.aclose()
