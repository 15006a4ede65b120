"""Whether Redis's log goes on where the archive ends: asked at the start, and when it stands."""

from projector.errors import ArchiveMissing
from projector.queries import Checkpoint
from streams.log import Head, Log


async def broken(log: Log, after: Checkpoint) -> str | None:
    """Why the log does not follow the checkpoint; None when it does.

    Raises:
        ArchiveMissing: nothing is archived, but the log's beginning is gone already.
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
        return f"events {after.seq + 1} to {event.seq - 1} left the log before they were archived"
    return _other(after.seq, event.prev, after)


def _other(seq: int, found: str, after: Checkpoint) -> str:
    return f"event {seq} is {found or 'none'} in the log, {after.id or 'none'} in the archive"
