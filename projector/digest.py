"""A table as its number of rows and one sha256, row after row in the order of its key."""

import hashlib

from projector import store
from projector.tables import metadata

ROWS = 1000


async def digest(driver: store.Connection, source: str, table: str = "") -> tuple[int, str]:
    """Rows, and the sha256 over those of each row.

    Args:
        source: what to read: a table's name, with its schema if need be, or a query in brackets.
        table: the table whose columns it has, where that is not its name.
    """
    name = table or source.rpartition(".")[2]
    key = ", ".join(column.name for column in metadata.tables[name].primary_key)
    sha, count = hashlib.sha256(), 0
    query = f"SELECT sha256(record_send(t)) FROM {source} AS t ORDER BY {key}"  # noqa: S608 - ours
    async for row in driver.cursor(query, prefetch=ROWS):
        sha.update(row[0])
        count += 1
    return count, sha.hexdigest()
