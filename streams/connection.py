"""How every process connects to Redis: RESP2, pooled, patient with a server that is away."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

from redis import exceptions as errors
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import DefaultParser
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

T = TypeVar("T")

AWAY = (
    OSError,
    errors.ConnectionError,
    errors.TimeoutError,
    errors.BusyLoadingError,
    errors.ReadOnlyError,
)
"""How a server that is away, loading, or no longer the primary answers."""
REFUSED = (errors.AuthenticationError, errors.AuthorizationError, errors.MaxConnectionsError)
"""What the client counts as a connection error too, but no patience mends."""
PATIENCE_S = 30.0
LONGEST_WAIT_S = 1.0
SOCKET_TIMEOUT_S = 15.0
"""Silence after which a server is taken for dead. No command may block for as long."""


class NotPermitted(errors.NoPermissionError):
    """The user that we log in as may not do this: `dalston acl` prints the rights it needs."""

    def __init__(self, user: str, said: str, *, status_code: str | None = None) -> None:
        cure = "give it the rights that `dalston acl` prints"
        super().__init__(f"{said} (user {user or 'default'}): {cure}", status_code=status_code)


def parser(user: str) -> type[Any]:
    """The client's own, but for its word on missing rights, which names no user and no cure."""
    known = {**DefaultParser.EXCEPTION_CLASSES, "NOPERM": partial(NotPermitted, user)}
    return type("Parser", (DefaultParser,), {"EXCEPTION_CLASSES": known})


class Patience(Retry):
    """Tries again until so many seconds have passed.

    By the clock, not by a count: the client retries a command around the retry of its connection,
    and counts would multiply.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(NoBackoff(), -1, AWAY)  # type: ignore[arg-type]
        self._seconds = seconds

    async def call_with_retry(
        self,
        do: Callable[[], Awaitable[T]],
        fail: Callable[..., Any],
        is_retryable: Callable[[Exception], bool] | None = None,
        with_failure_count: bool = False,
    ) -> T:
        """Do it; after each failure tell ``fail``, wait a little longer and do it again."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._seconds
        failures = 0
        while True:
            try:
                return await do()
            except AWAY as error:
                failures += 1
                await (fail(error, failures) if with_failure_count else fail(error))
                wait = min(LONGEST_WAIT_S, 0.01 * 2 ** min(failures, 10)) * random.uniform(0.5, 1)  # noqa: S311
                hopeless = isinstance(error, REFUSED) or isinstance(error.__cause__, REFUSED)
                fatal = hopeless or (is_retryable and not is_retryable(error))
                if fatal or loop.time() + wait > deadline:
                    raise
                await asyncio.sleep(wait)


def connect(url: str, *, patience: float = PATIENCE_S, connections: int = 64) -> Redis:
    """A client of one server. Every command that we send may be sent twice, so it is retried.

    Args:
        url: redis://, rediss:// or unix://.
        patience: seconds for which a server may be away before a command fails; 0 for probes.
        connections: at most so many at once; further callers wait for a free one.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        protocol=2,
        max_connections=connections,
        timeout=60,
        socket_timeout=SOCKET_TIMEOUT_S,
        socket_connect_timeout=5,
        health_check_interval=30,
        retry=Patience(patience),
        parser_class=parser(urlsplit(url).username or ""),
        driver_info=None,  # CLIENT SETINFO is no right that our users need
    )
    return Redis.from_pool(pool)
