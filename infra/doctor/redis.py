"""Redis or Valkey: there, durable, never evicting, holding the log."""

from datetime import UTC, datetime
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from infra.doctor import clock
from infra.doctor.finding import Finding, fail, ok, warn
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings

WANTED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}


async def examine(redis: Redis, settings: Settings) -> list[Finding]:
    """All about the server and its log."""
    info: Any = await redis.info("server")
    name = info.get("server_name") or "redis"
    version = info.get("valkey_version") or info.get("redis_version")
    return [
        ok("redis", f"{name} {version}"),
        await configuration(redis, settings),
        await memory(redis),
        await head(redis, Keys(settings.key_prefix, settings.partition)),
        await skew(redis),
    ]


async def configuration(redis: Redis, settings: Settings) -> Finding:
    """Whether it keeps what it acknowledges."""
    try:
        found: Any = await redis.config_get(*WANTED)
    except RedisError as error:
        cure = "make sure of: " + ", ".join(f"{k} {v}" for k, v in WANTED.items())
        return warn("redis durability", f"it does not tell: {error}", cure)
    wanted = WANTED | ({"appendfsync": "everysec"} if settings.profile == "dev" else {})
    # Keys and values come as text or as bytes, by the client's mood.
    told = {text(key): text(value) for key, value in found.items()}
    wrong = {k: told.get(k, "?") for k, v in wanted.items() if told.get(k) != v}
    if wrong:
        detail = ", ".join(f"{name} is {value}" for name, value in wrong.items())
        cure = "; ".join(f"CONFIG SET {name} {wanted[name]}" for name in wrong)
        return fail("redis durability", detail, f"{cure}; and in its configuration file")
    return ok("redis durability", ", ".join(f"{k} {v}" for k, v in wanted.items()))


async def memory(redis: Redis) -> Finding:
    """How full it is."""
    info: Any = await redis.info("memory")
    used, most = int(info["used_memory"]), int(info.get("maxmemory", 0))
    detail = f"{used / 1e6:.1f} MB" + (f" of {most / 1e6:.0f} MB" if most else "")
    if most and used > 0.9 * most:
        return fail("redis memory", detail, "raise maxmemory: at its end no job is accepted")
    if most and used > 0.7 * most:
        return warn("redis memory", detail, "raise maxmemory, or lower DALSTON_LOG_WINDOW")
    return ok("redis memory", detail)


async def head(redis: Redis, keys: Keys) -> Finding:
    """Whether there is a log, and that head and entries agree."""
    log = Log(redis, keys)
    found = await log.head()
    if found is None:
        cure = "start the projector, which makes it; after a loss of Redis run `dalston recover`"
        return fail("log", f"no log below {keys.base}", cure)
    first = await log.first()
    last = await log.read(found.seq - 1, count=1) if found.seq else []
    if first is not None and [event.id for event in last] != [found.id]:
        return fail("log", f"the head says seq {found.seq}, the log does not", "dalston recover")
    kept = found.seq - first + 1 if first is not None else 0
    return ok("log", f"seq {found.seq}, epoch {found.epoch}, {kept} events in Redis")


async def skew(redis: Redis) -> Finding:
    """Its clock against ours."""
    seconds, micros = await redis.time()
    return clock.compare("redis clock", datetime.fromtimestamp(seconds + micros / 1e6, UTC))


def text(value: Any) -> str:
    """A reply as text."""
    return value.decode() if isinstance(value, bytes) else str(value)
