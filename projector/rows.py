"""Events as rows of the archive: straight from Redis's reply, checked as one unbroken chain."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from projector.errors import LogDiverged
from projector.queries import Checkpoint
from streams.errors import UnreadableEvent
from streams.events import Event, decode_fact, decode_meta


class Row(NamedTuple):
    """One event, in the order of the archive's columns; meta and data as JSON text."""

    seq: int
    id: str
    epoch: int
    type: str
    time: datetime
    job: str
    rev: int
    tenant: str
    prev: str
    meta: str
    data: str


FIELDS = [b"id", b"type", b"time", b"job", b"rev", b"tenant", b"prev", b"epoch", b"meta", b"data"]
"""The order in which commit.lua writes them; any other order is read too, only slower."""


def parse(entries: Sequence[Any], after: Checkpoint) -> list[Row]:
    """Entries of the log, ``[id, [name, value, …]]``, as rows, as far as they follow on.

    Raises:
        LogDiverged: already the first one does not: a seq is missing, its ``prev`` names another
            event, or its epoch goes back.
        UnreadableEvent: already the first one is no event that we can read.
    """
    rows: list[Row] = []
    seq, last, least = after.seq, after.id, after.epoch
    for entry, fields in entries:
        try:
            row = _row(entry, fields)
        except (LookupError, ValueError) as error:
            if rows:
                break  # what comes before it is archived first
            raise UnreadableEvent.at(entry, error) from None
        if row.seq != seq + 1 or row.prev != last or row.epoch < least:
            if rows:
                break
            raise LogDiverged(
                f"event {row.seq} of epoch {row.epoch} follows {row.prev or 'nothing'}, but the "
                f"archive ends at {seq} with {last or 'nothing'} of epoch {least}"
            )
        seq, last, least = row.seq, row.id, row.epoch
        rows.append(row)
    return rows


def _row(entry: bytes, fields: Sequence[bytes]) -> Row:
    values = fields[1::2] if fields[::2] == FIELDS else _sorted(fields)
    id_, type_, time, job, rev, tenant, prev, epoch, meta, data = [v.decode() for v in values]
    return Row(
        int(entry[:-2]), id_, int(epoch), type_, datetime.fromisoformat(time), job, int(rev),
        tenant, prev, meta, data,
    )  # fmt: skip


def position(row: Row) -> Checkpoint:
    """The checkpoint of a consumer that has taken in this event."""
    return Checkpoint(row.seq, row.id, row.epoch)


def event(row: Row) -> Event:
    """The Event of a row.

    Raises:
        msgspec.MsgspecError: its data does not have the shape of its type.
    """
    seq, id_, epoch, type_, time, job, rev, tenant, prev, meta, data = row
    return Event(
        seq=seq, id=id_, epoch=epoch, type=type_, time=time, job=job, rev=rev, tenant=tenant,
        prev=prev, meta={} if meta == "{}" else decode_meta(meta.encode()),
        fact=decode_fact(type_, data.encode()),
    )  # fmt: skip


def _sorted(fields: Sequence[bytes]) -> list[bytes]:
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    return [found[name] for name in FIELDS]
