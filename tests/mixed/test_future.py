"""What a later version may write meets today's parts: skipped, kept or left alone, never lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import httpx
import pytest
from redis.asyncio import Redis

from infra.client import Client
from infra.doctor.postgres import schema as schema_finding
from projector import database, rebuild
from projector.errors import DatabaseNewer
from streams import decide
from streams.commit import Ledger
from streams.connection import connect
from streams.keys import Keys
from streams.registry import Announcement, Registry
from streams.settings import Settings
from streams.work import Queue
from tests.echo.script import Act
from tests.mixed.atrest import folded, nothing_is_lost
from tests.mixed.future import FutureLedger, tell
from tests.mixed.parts import Parts
from tests.mixed.traffic import Traffic
from tests.mixed.trees import TODAY

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(240),
    pytest.mark.long,
]


@pytest.fixture
async def redis(settings: Settings) -> AsyncIterator[Redis]:
    async with connect(settings.redis_url) as client:
        yield client


@pytest.fixture
def keys(settings: Settings) -> Keys:
    return Keys(settings.key_prefix, settings.partition)


@pytest.fixture
async def traffic(parts: Parts) -> AsyncIterator[Traffic]:
    """Today's stack is up; nobody submits by himself."""
    await parts.start_all(TODAY)
    traffic = Traffic(parts.url)
    yield traffic
    await traffic.close()


async def until(true: Callable[[], Awaitable[object]], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not await true():
            await asyncio.sleep(0.1)


async def test_events_that_nobody_knows_yet_are_skipped_counted_shown_and_kept(
    parts: Parts, traffic: Traffic, settings: Settings, redis: Redis, keys: Keys
) -> None:
    job = await traffic.submit({"prepare": (Act(seconds=3),)})
    await traffic.begins(job)
    ledger = Ledger(redis, keys)
    await tell(
        ledger,
        job,
        [
            ("stage.mused", {"stage": "prepare", "thought": "hm"}),
            ("stage.progressed", {"stage": "prepare", "token": 1, "fraction": 0.1, "eta_s": 2}),
            ("stage.progressed", {"stage": "prepare", "token": 1, "fraction": "most"}),
        ],
    )
    await tell(ledger, "speaker-1", [("speaker.met", {"name": "somebody"})])
    await traffic.submit()
    async with Client(parts.url) as client:
        await until(lambda: _knows(client, job, "dev.dalston.stage.mused.v1"))
        told = {event.type: event.data for event in (await client.events(job)).events}
        assert told["dev.dalston.stage.mused.v1"] == {"stage": "prepare", "thought": "hm"}
        assert (await client.readiness()).ready
    await nothing_is_lost(parts, traffic, settings)
    connection = await asyncpg.connect(settings.postgres_dsn)
    rows = await connection.fetch("SELECT type, count FROM unknown_events ORDER BY type")
    kept = await connection.fetchval("SELECT data FROM events WHERE data LIKE '%eta_s%'")
    await connection.close()
    assert [tuple(row) for row in rows] == [
        ("speaker.met", 1), ("stage.mused", 1), ("stage.progressed", 1),
    ]  # fmt: skip
    assert json.loads(kept)["eta_s"] == 2


async def _knows(client: Client, job: str, kind: str) -> bool:
    return kind in {event.type for event in (await client.events(job)).events}


async def test_a_job_of_a_newer_schema_waits_for_a_newer_engine_and_holds_up_no_other(
    parts: Parts, traffic: Traffic, settings: Settings, redis: Redis, keys: Keys
) -> None:
    await parts.stop("audio_prepare")
    newer = await traffic.submit()
    future = FutureLedger(redis, keys)
    await tell(future, newer, [("job.mused", {})])
    before = await redis.hgetall(keys.job(newer))
    await parts.start("audio_prepare", TODAY)
    await traffic.ends(await traffic.submit())
    await until(lambda: _is_left_alone(redis, keys))
    assert await redis.hgetall(keys.job(newer)) == before
    log = parts.log("audio_prepare")
    assert f"prepare of job {newer} is not ours" in log
    cancelled = await traffic.act(newer, "cancel")
    assert cancelled.status_code == 503
    assert "upgrade" in cancelled.text or "schema" in cancelled.text
    await parts.stop("audio_prepare")  # an upgrade: the newer one takes it from where it is
    job = await future.load(newer)
    assert job
    await future.enqueue(job)
    queue = Queue(redis, future, "audio_prepare")
    ticket = await queue.take("newer", block_ms=5000) or await queue.take("newer", block_ms=5000)
    assert ticket
    assert ticket.job == newer

    await future.transition(
        newer,
        lambda job, _: decide.start(
            job, stage="prepare", token=ticket.token, owner="newer", engine_version="2"
        ),
        settle=ticket,
    )
    await future.transition(newer, lambda job, now: decide.cancel(job, now=now))
    await future.transition(
        newer, lambda job, now: decide.stop(job, stage="prepare", token=ticket.token, now=now)
    )
    assert await traffic.ends(newer) == "cancelled"
    traffic.accepted = [one for one in traffic.accepted if one.job != newer]
    await folded(settings)
    assert not parts.died


async def _is_left_alone(redis: Redis, keys: Keys) -> bool:
    queue = keys.queue("audio_prepare")
    return not await redis.xlen(queue)


async def test_a_projector_stands_by_while_a_newer_version_folds_and_goes_on_after_it(
    parts: Parts, traffic: Traffic, settings: Settings
) -> None:
    await traffic.ends(await traffic.submit())
    connection = await asyncpg.connect(settings.postgres_dsn)
    await folded(settings)
    claim = "UPDATE checkpoints SET schema = $1 WHERE name = 'fold' RETURNING seq"
    at = await connection.fetchval(claim, 99)
    job = await traffic.submit()
    health = parts.address("projector")
    async with httpx.AsyncClient() as http:

        async def stands_by() -> bool:
            reply = await http.get(f"{health}/readyz")
            said = reply.json()
            return (
                reply.status_code == 503
                and "newer version" in str(said["trouble"])
                and not said["leading"]
            )

        await until(stands_by)
        await asyncio.sleep(2)
        seq = await connection.fetchval("SELECT seq FROM checkpoints WHERE name = 'fold'")
        assert seq == at
        await connection.execute("UPDATE checkpoints SET schema = 1 WHERE name = 'fold'")
        await connection.close()
        assert await traffic.ends(job) == "succeeded"
        await until(lambda: _ready(http, health))
    await nothing_is_lost(parts, traffic, settings)


async def _ready(http: httpx.AsyncClient, address: str) -> bool:
    return (await http.get(f"{address}/readyz")).status_code == 200


async def test_tables_of_a_newer_version_serve_this_one(
    parts: Parts, traffic: Traffic, settings: Settings
) -> None:
    connection = await asyncpg.connect(settings.postgres_dsn)
    for table in ("jobs", "stages", "events", "submissions", "segments", "checkpoints"):
        await connection.execute(f"ALTER TABLE {table} ADD COLUMN mood text DEFAULT 'later'")
    await connection.execute("UPDATE alembic_version SET version_num = '9999'")
    await connection.close()
    await traffic.ends(await traffic.submit())
    await parts.swap("projector", TODAY)
    await parts.swap("web", TODAY)
    await traffic.ends(await traffic.submit())
    assert "the database is at 9999, of a newer version" in parts.log("projector")
    engine = database.engine(settings)
    assert (await schema_finding(engine)).level == "ok"
    await engine.dispose()
    with pytest.raises(DatabaseNewer, match="9999"):
        await rebuild.rebuild(settings)
    await nothing_is_lost(parts, traffic, settings)


async def test_replicas_of_a_later_version_are_listed_whatever_they_say(
    parts: Parts, traffic: Traffic, redis: Redis, keys: Keys
) -> None:
    later = Announcement(
        replica="dreamer@host-0", engine="dreamer", stage="dream", version="9", host="host",
        pid=1, state="dreaming",
    )  # fmt: skip
    await Registry(redis, keys).announce(later)
    said = await redis.get(keys.replica(later.replica))
    assert said
    plain = json.loads(said)
    await redis.set(keys.replica(later.replica), json.dumps(plain | {"gpus": [{"name": "x"}]}))
    async with Client(parts.url) as client:
        named = {engine.name: engine for engine in await client.engines()}
    assert named["dreamer"].replicas[0].state == "dreaming"
    assert await traffic.ends(await traffic.submit()) == "succeeded"


async def test_an_option_of_a_later_client_is_refused_by_its_name(traffic: Traffic) -> None:
    reply = await traffic.post({"mood": "calm"})
    assert reply.status_code == 400
    assert "mood" in reply.text
