"""Uploads under way, in Postgres: what of each file is stored, and whose turn it is to send.

Nobody holds a lock: whoever begins to send takes the next turn, and who had the one before finds
out at his next part. Each part gets a number that no other turn used, so that what two senders
store at the same time never mixes.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from streams.artifacts import PART

KEPT = timedelta(hours=24)
"""So long after its last part an upload can be gone on with."""
NUMBERS = 10_000
"""Parts are numbered from 1 to this by S3."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """One upload; ``id`` is that of the job to come, ``multipart`` S3's name for it.

    ``turn`` and ``number`` are those of the sender who took it; sizes are in bytes.
    """

    id: str
    tenant: str
    filename: str
    media_type: str
    length: int
    multipart: str
    turn: int = 0
    number: int = 0
    stored: int = 0
    numbers: tuple[int, ...] = ()
    etags: tuple[str, ...] = ()
    moved_at: datetime

    @property
    def whole(self) -> bool:
        """Whether all of the file is stored."""
        return self.stored == self.length

    @property
    def part(self) -> int:
        """Bytes of each part but the last: so many that half the numbers are left for new tries."""
        return max(PART, -(-self.length // (NUMBERS // 2)))

    @property
    def expires_at(self) -> datetime:
        """When it is given up, unless a part comes."""
        return self.moved_at + KEPT


BEGIN = text("""
    INSERT INTO uploads (id, tenant, filename, media_type, length, multipart)
    VALUES (:id, :tenant, :filename, :media_type, :length, :multipart) RETURNING *
""")
FIND = text("SELECT * FROM uploads WHERE id = :id AND tenant = :tenant")
TAKE = text("""
    UPDATE uploads SET turn = turn + 1, number = number + 1, moved_at = now()
    WHERE id = :id AND tenant = :tenant AND stored = :offset RETURNING *
""")
RECORD = text("""
    UPDATE uploads SET stored = stored + :size, numbers = numbers || number,
           etags = etags || CAST(:etag AS text), number = number + 1, moved_at = now()
    WHERE id = :id AND turn = :turn RETURNING *
""")
END = text("DELETE FROM uploads WHERE id = :id AND tenant = :tenant RETURNING *")
EXPIRE = text("""
    DELETE FROM uploads WHERE moved_at < now() - make_interval(secs => :seconds) RETURNING id
""")
NAMED = text("SELECT multipart FROM uploads")


async def begin(
    connection: AsyncConnection,
    *,
    upload_id: str,
    tenant: str,
    filename: str,
    media_type: str,
    length: int,
    multipart: str,
) -> Pending:
    """Keep a new upload, of which nothing is stored yet."""
    row = {"id": upload_id, "tenant": tenant, "filename": filename, "media_type": media_type}
    found = await _one(connection, BEGIN, **row, length=length, multipart=multipart)
    assert found is not None, "an INSERT returns its row"
    return found


async def find(connection: AsyncConnection, upload_id: str, tenant: str) -> Pending | None:
    """An upload of this tenant, None when there is none of that id."""
    return await _one(connection, FIND, id=upload_id, tenant=tenant)


async def take(
    connection: AsyncConnection, upload_id: str, tenant: str, offset: int
) -> Pending | None:
    """Take the turn to send from there on; None when so much is not what is stored."""
    return await _one(connection, TAKE, id=upload_id, tenant=tenant, offset=offset)


async def record(
    connection: AsyncConnection, pending: Pending, *, etag: str, size: int
) -> Pending | None:
    """Count part ``pending.number``; None when another sender has the turn, or the upload ended."""
    values = {"id": pending.id, "turn": pending.turn, "etag": etag, "size": size}
    return await _one(connection, RECORD, **values)


async def end(connection: AsyncConnection, upload_id: str, tenant: str) -> Pending | None:
    """Forget an upload: its job has it, or nobody will; None when somebody else was first."""
    return await _one(connection, END, id=upload_id, tenant=tenant)


async def expire(connection: AsyncConnection) -> list[str]:
    """Forget those of which no part came for as long as they are KEPT; their ids.

    By Postgres's clock, which dated them: one that jumps elsewhere ends no upload.
    """
    return list((await connection.scalars(EXPIRE, {"seconds": KEPT.total_seconds()})).all())


async def named(connection: AsyncConnection) -> frozenset[str]:
    """S3's names of all uploads that may still be gone on with."""
    return frozenset((await connection.scalars(NAMED)).all())


async def _one(connection: AsyncConnection, statement: Any, **values: Any) -> Pending | None:
    row = (await connection.execute(statement, values)).mappings().first()
    return _pending(row) if row else None


def _pending(row: RowMapping) -> Pending:
    return Pending(
        **{
            **row,
            "numbers": tuple(row["numbers"]),
            "etags": tuple(row["etags"]),
            "moved_at": row["moved_at"].astimezone(UTC),
        }
    )
