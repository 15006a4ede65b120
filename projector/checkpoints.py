"""Checkpoints: where each consumer of the log stands, moved on only from where it stood."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from projector.errors import CheckpointMoved, FoldedByNewer
from projector.queries import Checkpoint
from streams.job import SCHEMA

MOVE = text("""
    UPDATE checkpoints
    SET seq = :to, id = :id, epoch = :epoch, moved_at = now(), schema = greatest(schema, :holds)
    WHERE name = :name AND seq = :seq AND id = :from AND epoch = :before AND schema <= :schema
""")
BEGIN = text("""
    INSERT INTO checkpoints (name, seq, id, epoch) VALUES (:name, 0, '', 1) ON CONFLICT DO NOTHING
""")
CLAIM = text("UPDATE checkpoints SET schema = :schema WHERE name = :name AND schema < :schema")
CLAIMED = text("""
    SELECT (to_jsonb(c) ->> 'schema')::int FROM checkpoints AS c WHERE name = :name
""")
"""By way of jsonb: where an older projector keeps the tables the column is not there yet."""


async def begin(connection: AsyncConnection, name: str) -> None:
    """Make a checkpoint before the first event, unless there is one."""
    await connection.execute(BEGIN, {"name": name})


async def claim(connection: AsyncConnection, name: str, holds: int) -> None:
    """Say that states of that schema were folded: who knows less can move it no more."""
    await connection.execute(CLAIM, {"name": name, "schema": holds})


async def unclaimed(connection: AsyncConnection, name: str) -> None:
    """See to it that no newer version took the checkpoint.

    Raises:
        FoldedByNewer: one did, and its states hold what this version would lose.
    """
    found = int(await connection.scalar(CLAIMED, {"name": name}) or 0)
    if found > SCHEMA:
        raise FoldedByNewer(
            f"a newer version of Dalston folds here (schema {found}, this one knows {SCHEMA}): "
            "this one stands by; upgrade it"
        )


async def move(
    connection: AsyncConnection, name: str, before: Checkpoint, to: Checkpoint, holds: int = 1
) -> None:
    """Move a checkpoint on, if it still stands where we think: the gate of each transaction.

    Args:
        holds: the schema of the states that go with it, see `claim`.

    Raises:
        CheckpointMoved: somebody else moved it.
    """
    values = {
        "name": name, "seq": before.seq, "from": before.id, "before": before.epoch,
        "to": to.seq, "id": to.id, "epoch": to.epoch, "schema": SCHEMA,
        "holds": holds,
    }  # fmt: skip
    if (await connection.execute(MOVE, values)).rowcount != 1:
        raise CheckpointMoved(f"{name} is no longer at event {before.seq}: somebody else moved it")
