"""Checkpoints: where each consumer of the log stands, moved on only from where it stood."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.errors import CheckpointMoved
from projector.queries import Checkpoint

MOVE = text("""
    UPDATE checkpoints SET seq = :to, id = :id, epoch = :epoch, moved_at = now()
    WHERE name = :name AND seq = :seq AND id = :from AND epoch = :before
""")
BEGIN = text("""
    INSERT INTO checkpoints (name, seq, id, epoch) VALUES (:name, 0, '', 1) ON CONFLICT DO NOTHING
""")


async def begin(connection: AsyncConnection, name: str) -> None:
    """Make a checkpoint before the first event, unless there is one."""
    await connection.execute(BEGIN, {"name": name})


async def move(connection: AsyncConnection, name: str, before: Checkpoint, to: Checkpoint) -> None:
    """Move a checkpoint on, if it still stands where we think: the gate of each transaction.

    Raises:
        CheckpointMoved: somebody else moved it.
    """
    values = {
        "name": name, "seq": before.seq, "from": before.id, "before": before.epoch,
        "to": to.seq, "id": to.id, "epoch": to.epoch,
    }  # fmt: skip
    if (await connection.execute(MOVE, values)).rowcount != 1:
        raise CheckpointMoved(f"{name} is no longer at event {before.seq}: somebody else moved it")
