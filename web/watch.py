"""What is open for long (sockets, streams, uploads, downloads) ends with the key that opened it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

from projector import database, keys
from web.backends import Backends
from web.callers import Caller
from web.errors import Unauthorized

log = logging.getLogger(__name__)

EVERY_S = 2.0
OVER = "The key was revoked or has expired meanwhile: what it had under way ends here."


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

    @asynccontextmanager
    async def bound(self, caller: Caller) -> AsyncIterator[None]:
        """While a request of a caller's is worked on, which may take long: given up with their key.

        Raises:
            Unauthorized: the key does not count any more.
        """
        with self.over(caller) as over:
            try:
                async with asyncio.timeout(None) as limit:

                    def give_up(_: object) -> None:
                        with suppress(RuntimeError):  # the work was done in this very moment
                            limit.reschedule(0)

                    over.add_done_callback(give_up)
                    yield
            except TimeoutError:
                if not limit.expired():
                    raise
                raise Unauthorized(OVER) from None

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
