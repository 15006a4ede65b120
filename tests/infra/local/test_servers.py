"""What the fixtures of all tests promise."""

from typing import Any

import asyncpg
from redis.asyncio import Redis

from streams.settings import Settings


async def test_valkey_acknowledges_only_what_is_on_disk(redis: Redis) -> None:
    found = await redis.config_get("append*", "maxmemory-policy")
    assert found["appendonly"] == "yes"
    assert found["appendfsync"] == "always"
    assert found["maxmemory-policy"] == "noeviction"


async def test_each_test_has_an_empty_database_of_its_own(database: str) -> None:
    connection = await asyncpg.connect(database)
    assert (
        await connection.fetchval("select count(*) from pg_tables where schemaname='public'") == 0
    )
    assert await connection.fetchval("show fsync") == "on"
    await connection.close()


async def test_settings_name_all_servers(settings: Settings, s3_client: Any) -> None:
    assert settings.redis_url.startswith("unix:///")
    assert settings.s3_bucket in [b["Name"] for b in (await s3_client.list_buckets())["Buckets"]]
