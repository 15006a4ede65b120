"""Whether Redis's log goes on where the archive ends: asked at the start, and when it stands."""

from projector.errors import ArchiveBehind, ArchiveMissing
from projector.queries import Checkpoint
from streams.log import Head, Log


async def broken(log: Log, after: Checkpoint) -> str | None:
    """Why the log does not follow the checkpoint; None when it does.

    Raises:
        ArchiveMissing: nothing is archived, but the log's beginning is gone already.
        ArchiveBehind: events are missing between the archive's end and the log's beginning. Only
            what is archived is trimmed, so it was Postgres that went back in time, not Redis.
    """
    head = await log.head()
    if head is None:
        return f"Redis holds no log, the archive ends at event {after.seq}"
    if head.seq < after.seq:
        return f"the log ends at event {head.seq}, the archive at {after.seq}"
    if head.epoch < after.epoch:
        return f"the log is of epoch {head.epoch}, the archive of epoch {after.epoch}"
    if head.seq == after.seq:
        return None if head.id == after.id else _other(head.seq, head.id, after)
    return await _gap(log, after, head)


async def _gap(log: Log, after: Checkpoint, head: Head) -> str | None:
    following = await log.read(after.seq, count=1)
    if not following:
        return f"the log ends at event {head.seq}, but holds none after {after.seq}"
    event = following[0]
    if event.seq == after.seq + 1 and event.prev == after.id:
        return None
    if after.seq == 0:
        raise ArchiveMissing(
            f"the archive is empty, but the log begins at event {event.seq}: this database does "
            "not belong to this Redis; name the right one in DALSTON_POSTGRES_DSN, or give up "
            "what Redis holds with `dalston recover`"
        )
    if event.seq > after.seq + 1:
        if (await log.first() or 0) <= after.seq:
            return f"events {after.seq + 1} to {event.seq - 1} are missing in the log"
        raise ArchiveBehind(
            f"the archive ends at event {after.seq}, the log begins at {event.seq}: the database "
            "was put back to a moment before all that Redis still holds; restore a newer backup "
            f"of it, or give up every event after {after.seq} with `dalston recover`"
        )
    return _other(after.seq, event.prev, after)


def _other(seq: int, found: str, after: Checkpoint) -> str:
    return f"event {seq} is {found or 'none'} in the log, {after.id or 'none'} in the archive"
