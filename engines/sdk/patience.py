"""Servers that are away: which errors say so, and waiting until they are back."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
from botocore.exceptions import BotoCoreError, ClientError
from redis.exceptions import NoPermissionError, OutOfMemoryError, ResponseError

from streams.connection import AWAY, REFUSED
from streams.errors import Conflict, LogInconsistent, LogMissing, SchemaTooNew

T = TypeVar("T")
log = logging.getLogger("dalston.engine")

LOG_AWAY = (*AWAY, LogMissing, LogInconsistent, SchemaTooNew, Conflict, ResponseError)
"""The log cannot be written now; `passing` says whether that may mend by itself."""
UNWELL = ("MISCONF", "NOREPLICAS", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN")
"""How a Redis answers that is up but cannot write now: without its disk or replicas."""
FULL = (OutOfMemoryError, NoPermissionError)
"""The same by class, for the client strips their word: it is full, or its ACL is being changed."""
STORE_AWAY = (BotoCoreError, aiohttp.ClientError, OSError, asyncio.TimeoutError)
STORE_S = 60.0
"""How long an absence of the artifact store is waited out before the attempt fails."""
NO_ROOM = 507
"""A store whose disk is full: somebody has to make room, and what was worked out waits for it."""


async def until_written(call: Callable[[], Awaitable[T]]) -> T:
    """The result of a call to Redis, tried again until it can be had."""
    wait = 0.1
    while True:
        try:
            return await call()
        except LOG_AWAY as error:
            if not passing(error):
                raise
            log.warning("the log is away, trying again: %s: %s", type(error).__name__, error)
        await asyncio.sleep(wait)
        wait = min(2 * wait, 2.0)


async def until_stored(call: Callable[[], Awaitable[T]]) -> T:
    """The result of a call to S3, tried again for STORE_S; then the last error.

    A store that is full is waited for as long as it takes.
    """
    deadline, wait = time.monotonic() + STORE_S, 0.25
    while True:
        try:
            return await call()
        except (*STORE_AWAY, ClientError) as error:
            if status_of(error) == NO_ROOM:
                deadline = time.monotonic() + STORE_S
            if time.monotonic() + wait > deadline or not _may_pass(error):
                raise
            log.warning("the artifact store is away, trying again: %s", error)
        await asyncio.sleep(wait)
        wait = min(2 * wait, 5.0)


def passing(error: Exception) -> bool:
    """Whether an error of Redis may mend while we wait: it is away or unwell, not refusing us."""
    if isinstance(error, (*REFUSED, SchemaTooNew)):
        return False
    if isinstance(error, ResponseError) and not isinstance(error, AWAY):
        return isinstance(error, FULL) or any(word in str(error) for word in UNWELL)
    return True


def status_of(error: Exception) -> int:
    """The HTTP status with which the store refused; 500 where it gave none."""
    if not isinstance(error, ClientError):
        return 500
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500))


def _may_pass(error: Exception) -> bool:
    return status_of(error) >= 500
