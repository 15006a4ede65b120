"""Lua on the server: sent once, called by its digest, its errors by name."""

import hashlib
import importlib.resources
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, ResponseError

from streams.connection import NotPermitted
from streams.errors import (
    EventTooLarge,
    LogInconsistent,
    LogMissing,
    SchemaTooNew,
    Stale,
    StreamsError,
)

_ERRORS: dict[str, type[StreamsError]] = {
    "NOLOG": LogMissing,
    "SCHEMA": SchemaTooNew,
    "INCONSISTENT": LogInconsistent,
    "STALE": Stale,
    "TOOLARGE": EventTooLarge,
}
DENIED = ("ACL failure in script", "The user executing the script can't")
"""How Valkey and Redis begin to say that a script asked for more than its caller may."""


class Script:
    """A Lua script by its digest, sent whole when the server does not have it."""

    def __init__(self, redis: Redis, name: str) -> None:
        self.source = importlib.resources.files("streams").joinpath(name).read_text()
        self._sha = hashlib.sha1(self.source.encode(), usedforsecurity=False).hexdigest()
        self._redis = redis

    async def __call__(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """Run it; an error that the script names comes as the StreamsError of that name."""
        try:
            return await self._run(keys, args)
        except ResponseError as error:
            name, _, text = str(error).removeprefix("ERR ").partition(" ")
            known = _ERRORS.get(name)
            if str(error).removeprefix("ERR ").startswith(DENIED):
                user = self._redis.connection_pool.connection_kwargs.get("username") or ""
                raise NotPermitted(user, str(error)) from None
            if known is None:
                raise
            raise known(text.partition(" script:")[0]) from None

    async def _run(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        try:
            return await self._redis.evalsha(self._sha, len(keys), *keys, *args)
        except NoScriptError:
            return await self._redis.eval(self.source, len(keys), *keys, *args)
