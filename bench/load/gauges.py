"""All that could grow in a stack, read at one moment: memory, descriptors, keys, tables, disk."""

import os
import time
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from redis.asyncio import Redis

from bench import memory
from bench.load.place import processes
from infra.local.stack import Stack
from streams.connection import connect
from streams.keys import Keys

TABLES = ("events", "jobs", "stages", "segments", "submissions")
SIZES = f"SELECT pg_database_size(current_database()), {', '.join(f'pg_total_relation_size({t!r})' for t in TABLES)}"  # noqa: E501
COUNTS = """
    SELECT (SELECT count(*) FROM jobs WHERE ended_at IS NULL) AS live,
           (SELECT seq FROM checkpoints WHERE name = 'fold') AS folded,
           (SELECT seq FROM checkpoints WHERE name = 'index') AS indexed
"""

TICKS = os.sysconf("SC_CLK_TCK")


class Sample(msgspec.Struct, frozen=True):
    """One moment: ``at`` in seconds, the rest by name in bytes or as counts."""

    at: float
    jobs: int
    events: int
    values: dict[str, float]


class Gauges:
    """Of one stack. Use as an async context manager."""

    def __init__(self, running: Stack) -> None:
        self._stack = running
        settings = running.settings
        self._keys = Keys(settings.key_prefix, settings.partition)
        self._dsn = settings.postgres_dsn
        self._redis: Redis = connect(settings.redis_url)
        self._database: Any = None
        self._began = time.monotonic()

    async def __aenter__(self) -> "Gauges":
        self._database = await asyncpg.create_pool(self._dsn, min_size=1, max_size=2)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()
        await self._database.close()

    async def live(self) -> int:
        """Jobs in the projection that have not ended."""
        return int(
            await self._database.fetchval("SELECT count(*) FROM jobs WHERE ended_at IS NULL")
        )

    async def rests(self, jobs: int) -> bool:
        """Whether so many jobs have ended, and all consumers of the log have seen it."""
        if await self.live() or await self._database.fetchval("SELECT count(*) FROM jobs") < jobs:
            return False
        values = (await self.sample(jobs)).values
        return values["lag fold"] == 0 and values["lag index"] == 0

    async def sample(self, accepted: int) -> Sample:
        """Everything now; ``accepted`` jobs were sent so far."""
        values: dict[str, float] = {}
        for name, process in processes(self._stack).items():
            pids = memory.family(process.pid) if process.pid else []
            values[f"memory {name}"] = sum(memory.pss(pid) for pid in pids)
            values[f"cpu {name}"] = sum(_cpu(pid) for pid in pids)
            values[f"descriptors {name}"] = sum(_descriptors(pid) for pid in pids)
        values["cpu of this load"] = _cpu(os.getpid())
        logs = (self._stack.home.path / "logs").iterdir()
        values["logs"] = sum(file.stat().st_size for file in logs)
        values |= await self._valkey()
        counts = await self._database.fetchrow(COUNTS)
        sizes = await self._database.fetchrow(SIZES)
        values |= dict(zip(("database", *(f"table {t}" for t in TABLES)), sizes, strict=True))
        values["live jobs"] = counts["live"]
        values["lag fold"] = values["events"] - (counts["folded"] or 0)
        values["lag index"] = values["events"] - (counts["indexed"] or 0)
        return Sample(
            at=time.monotonic() - self._began,
            jobs=accepted - int(counts["live"]),
            events=int(values.pop("events")),
            values=values,
        )

    async def _valkey(self) -> dict[str, float]:
        info: Any = await self._redis.info()
        head: Any = await self._redis.hget(self._keys.head, "seq")
        data = self._stack.home.path / "valkey"
        return {
            "valkey used": info["used_memory"],
            "valkey keys": sum(v["keys"] for k, v in info.items() if k.startswith("db")),
            "valkey clients": info["connected_clients"],
            "valkey disk": sum(p.stat().st_size for p in data.rglob("*") if p.is_file()),
            "log entries": await self._redis.xlen(self._keys.log),
            "events": int(head or 0),
        }


def _descriptors(pid: int) -> int:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except (FileNotFoundError, ProcessLookupError):
        return 0


def _cpu(pid: int) -> float:
    """Seconds of processor that a process has used."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def objects(home: Path) -> tuple[int, int]:
    """How many objects the store holds and what they and their folders take on disk, in bytes."""
    count, size = 0, 0
    for folder, _, files in os.walk(home / "s3" / "buckets"):
        size += Path(folder).stat().st_blocks * 512
        for file in files:
            size += Path(folder, file).stat().st_blocks * 512
            count += 1
    return count, size
