"""Archive and log read as one: every event after a point, with the join proved.

The archive ends at the projector's checkpoint; Redis keeps at least what comes after it. The first
event read from the log must name the archive's last one as its ``prev``: else Redis has lost or
replaced events, and whoever reads starts afresh.
"""

from collections.abc import AsyncIterator

import msgspec

from projector import queries
from projector.queries import Checkpoint
from streams.events import Event
from web.backends import Backends

PAGE = 500


class Broken(Exception):
    """The events asked for do not join: take a fresh snapshot."""


class Point(msgspec.Struct, frozen=True):
    """A place in the log, as clients keep it to resume: ``id`` is that of the event there.

    Without it two histories may look alike: a Redis that went back further than the archive goes
    gives its seqs out again, and nobody begins an epoch for it.
    """

    epoch: int
    seq: int
    id: str = ""


class Tail:
    """Reads of what is past, for a tenant, perhaps of one job."""

    def __init__(self, backends: Backends) -> None:
        self._backends = backends

    async def stands(self, point: Point) -> bool:
        """Whether the log as it is now has this very point: that event, as far as it is named."""
        if point.seq <= 0:
            return False
        after = point.seq - 1
        async with self._backends.reading() as connection:
            found = await queries.events(connection, after=after, limit=1)
        if not found:
            found = await self._backends.log.read(after, count=1)
        if not found or point.id not in {"", found[0].id}:
            return False
        return found[0].seq == point.seq and found[0].epoch == point.epoch

    async def between(
        self, after: int, upto: Checkpoint, *, job: str | None, tenant: str
    ) -> AsyncIterator[list[Event]]:
        """Batches of the events with seq over ``after`` up to and with ``upto``.

        Raises:
            Broken: they are not all there, or the log does not lead to ``upto``.
        """
        at = Checkpoint(after)
        while at.seq < upto.seq:
            found, reach = await self._archived(at, job)
            if reach.seq <= at.seq:
                at = reach if reach.seq == at.seq else at
                break
            at = reach
            yield [e for e in found if e.seq <= upto.seq and concerns(e, job, tenant)]
        while at.seq < upto.seq:
            batch = await self._logged(at, upto.seq)
            at = Checkpoint(batch[-1].seq, batch[-1].id, batch[-1].epoch)
            yield [event for event in batch if concerns(event, job, tenant)]
        if at.seq == upto.seq and at.id and upto.id not in {"", at.id}:
            raise Broken(f"event {upto.seq} is {at.id}, not {upto.id}")

    async def _archived(self, at: Checkpoint, job: str | None) -> tuple[list[Event], Checkpoint]:
        """A page of the archive, and the point up to which that is all of it."""
        async with self._backends.snapshot() as connection:
            end = await queries.checkpoint(connection)
            found = await queries.events(connection, after=at.seq, job=job, limit=PAGE)
        if job is None and [e.seq for e in found] != [at.seq + n + 1 for n in range(len(found))]:
            raise Broken(f"the archive has a hole after {at.seq}")
        if len(found) < PAGE:
            return found, end
        return found, Checkpoint(found[-1].seq, found[-1].id, found[-1].epoch)

    async def _logged(self, at: Checkpoint, upto: int) -> list[Event]:
        batch = await self._backends.log.read(at.seq, count=min(PAGE, upto - at.seq))
        if not batch or batch[0].seq != at.seq + 1 or batch[-1].seq != at.seq + len(batch):
            raise Broken(f"the log does not go on after {at.seq}")
        if at.id and batch[0].prev != at.id:
            raise Broken(f"the log's event {batch[0].seq} does not follow {at.id}")
        return batch


def concerns(event: Event, job: str | None, tenant: str) -> bool:
    """Whether a reader of a tenant, perhaps of one job, is told of the event.

    Events without a tenant are the system's own, about engines and the log: everybody's.
    """
    if job is not None and event.job != job:
        return False
    return event.tenant in {tenant, ""}
