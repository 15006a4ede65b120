"""What the doctor finds on real servers that are well, and on ones that are not."""

import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from infra.doctor import machine, rounds, store
from infra.doctor import postgres as postgres_examination
from infra.doctor import redis as redis_examination
from infra.doctor.engines import judge
from infra.doctor.finding import Finding
from projector import database as databases
from projector import roles
from streams.artifacts import Artifacts
from streams.keys import Keys
from streams.log import Head, Log
from streams.registry import Announcement
from streams.settings import Settings
from streams.work import Depth
from web.views import EngineView


def levels(findings: list[Finding]) -> dict[str, str]:
    return {finding.part: finding.level for finding in findings}


def replica(state: str = "idle", model: str | None = "tiny.en") -> Announcement:
    return Announcement(
        replica="faster_whisper@h-0", engine="faster_whisper", stage="transcribe", version="1",
        host="h", pid=1, state=state, models=("tiny.en",), default_model=model, needs_model=True,
    )  # fmt: skip


async def test_a_stack_that_was_just_made_is_well(redis: Redis, settings: Settings) -> None:
    await databases.migrate(settings)
    await Log(redis, Keys(settings.key_prefix)).create(Head(0, "", 1))
    found = levels(await rounds.servers(settings))
    wrong = {part for part, level in found.items() if level != "ok"}
    # No projector was up yet: it is who makes the role that SQL is asked as.
    assert wrong == {"engine audio_prepare", "engine faster_whisper", "engine merge", "sql"}


async def test_servers_that_are_away_are_found_each_for_itself(settings: Settings) -> None:
    away = msgspec.structs.replace(
        settings,
        redis_url="unix:///nowhere/valkey.sock",
        postgres_dsn="postgresql://dalston@/dalston?host=/nowhere",
        s3_bucket="no-such-bucket",
    )
    findings = await rounds.servers(away)
    assert levels(findings) == dict.fromkeys(("redis", "postgres", "s3", "engines"), "fail")
    assert all(finding.cure for finding in findings)


async def test_redis_that_may_forget_is_found(redis: Redis, settings: Settings) -> None:
    await redis.config_set("appendfsync", "everysec")
    try:
        found = await redis_examination.configuration(redis, settings)
        dev = msgspec.structs.replace(settings, profile="dev")
        allowed = await redis_examination.configuration(redis, dev)
    finally:
        await redis.config_set("appendfsync", "always")
    assert found.level == "fail"
    assert "CONFIG SET appendfsync always" in found.cure
    assert allowed.level == "ok"


async def test_redis_without_a_log_is_found(redis: Redis) -> None:
    found = await redis_examination.head(redis, Keys("nobody"))
    assert (found.level, "recover" in found.cure) == ("fail", True)


async def test_a_schema_that_is_not_there_is_found(settings: Settings) -> None:
    engine = databases.engine(settings, pool=1)
    try:
        assert (await postgres_examination.schema(engine)).level == "fail"
        await databases.migrate(settings)
        assert (await postgres_examination.schema(engine)).level == "ok"
    finally:
        await engine.dispose()


async def test_events_that_an_older_version_passed_over_are_found(settings: Settings) -> None:
    engine = databases.engine(settings, pool=1)
    try:
        await databases.migrate(settings)
        async with engine.begin() as connection:
            rows = "('speaker.met', 1, 1), ('job.failed', 2, 3)"
            await connection.execute(text(f"INSERT INTO unknown_events VALUES {rows}"))
        (found,) = await postgres_examination.skipped(engine)
        assert (found.level, found.detail) == ("warn", "2 events were passed over: job.failed")
        assert "dalston rebuild" in found.cure
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM unknown_events WHERE type = 'job.failed'"))
        assert await postgres_examination.skipped(engine) == []
    finally:
        await engine.dispose()


async def test_it_is_told_whether_sql_can_be_asked_and_what_is_missing(settings: Settings) -> None:
    engine = databases.engine(settings, pool=1)
    try:
        await databases.migrate(settings)
        found = await postgres_examination.asking(engine)
        assert (found.level, "prepared" in found.detail) == ("warn", True)
        await roles.ensure(settings)
        found = await postgres_examination.asking(engine)
        assert (found.level, found.detail.endswith("_reader")) == ("ok", True)
        async with engine.begin() as connection:
            gap = "UPDATE secrets SET value = 'there is no role x' WHERE name = 'reader_gaps'"
            await connection.execute(text(gap))
        found = await postgres_examination.asking(engine)
        assert (found.level, found.detail) == ("warn", "off: there is no role x")
    finally:
        await engine.dispose()


async def test_the_probe_of_the_store_leaves_nothing(settings: Settings, s3_client: Any) -> None:
    async with Artifacts(settings) as artifacts:
        assert [finding.level for finding in await store.examine(artifacts)] == ["ok"]
    left = await s3_client.list_objects_v2(Bucket=settings.s3_bucket)
    assert left["KeyCount"] == 0


def test_an_engine_without_a_replica_fails_when_it_is_needed() -> None:
    needed = EngineView("faster_whisper", "transcribe", [], Depth(0, 0, {}))
    spare = EngineView("nemo", "transcribe", [], Depth(0, 0, {}))
    wanted = EngineView("nemo", "transcribe", [], Depth(1, 0, {"default": 1}))
    found = [finding.level for finding in judge([needed, spare, wanted])]
    assert found == ["fail", "warn", "fail"]


@pytest.mark.parametrize(
    ("one", "waiting", "level"),
    [
        (replica(), 0, "ok"),
        (replica("busy"), 7, "ok"),
        (replica(), 7, "warn"),
        (replica("starting"), 0, "warn"),
        (replica(model=None), 0, "warn"),
    ],
)
def test_an_engine_is_judged_by_its_state_and_queue(
    one: Announcement, waiting: int, level: str
) -> None:
    view = EngineView("faster_whisper", "transcribe", [one], Depth(waiting, 0, {}))
    assert [finding.level for finding in judge([view])] == [level]


def test_a_disk_that_fills_up_is_told_before_it_is_full(tmp_path: Path) -> None:
    found = [machine.disk(size << 30, tmp_path).level for size in (100, 3, 0)]
    assert found == ["ok", "warn", "fail"]


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    found = levels(machine.examine(file / "home"))
    assert found["home"] == "fail"
    assert found["python"] == "ok", sys.version
