"""How every process connects to Redis: RESP2, pooled, patient with a server that is away."""

from redis import exceptions as errors
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

AWAY: list[type[Exception]] = [
    errors.ConnectionError,
    errors.TimeoutError,
    errors.BusyLoadingError,
    errors.ReadOnlyError,
]
"""How a server that is away, loading, or no longer the primary answers."""
PATIENCE = 40
"""Tries, up to a second apart: an absence of half a minute is waited out."""


def connect(url: str, *, patience: int = PATIENCE, connections: int = 64) -> Redis:
    """A client of one server. Every command that we send may be sent twice, so it is retried.

    Args:
        url: redis://, rediss:// or unix://.
        patience: how many times a command is tried again when the server is away; 0 for probes.
        connections: at most so many at once; further callers wait for a free one.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        protocol=2,
        max_connections=connections,
        timeout=60,
        socket_connect_timeout=5,
        health_check_interval=30,
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.02), patience),
        retry_on_error=AWAY,
    )
    return Redis.from_pool(pool)
