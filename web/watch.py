"""What is open for long (sockets, streams) ends with the key that opened it."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from projector import database, keys
from web.backends import Backends
from web.callers import Caller

log = logging.getLogger(__name__)

EVERY_S = 2.0


class Watch:
    """Asks every two seconds, once for all that is open, which of their keys still count."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends
        self._open: dict[str, set[asyncio.Future[None]]] = {}

    @contextmanager
    def over(self, caller: Caller) -> Iterator[asyncio.Future[None]]:
        """While something of a caller's is open: done once their key does not count any more."""
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if caller.key_id is None:
            yield ended
            return
        group = self._open.setdefault(caller.key_id, set())
        group.add(ended)
        try:
            yield ended
        finally:
            group.discard(ended)
            if not group and self._open.get(caller.key_id) is group:
                del self._open[caller.key_id]

    async def run(self) -> None:
        """Look after them for ever; while Postgres is away all stays as it is."""
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await self.look()
            except database.AWAY as error:
                log.warning("nobody knows which keys count now: %s", error)

    async def look(self) -> None:
        """End what is open of keys that do not count any more."""
        ids = list(self._open)
        if not ids:
            return
        async with self._backends.reading() as connection:
            gone = set(ids) - await keys.valid(connection, ids)
        for key_id in gone:
            for ended in self._open.get(key_id, set()):
                if not ended.done():
                    ended.set_result(None)
