"""Tables as digests, the archive as an unbroken chain, and the artifacts that it names."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from infra.backup.folder import Table
from projector import store
from projector.digest import digest
from projector.tables import metadata
from streams.events import Artifact, decode_fact

ROWS = 1000
BROKEN = """
    SELECT min(seq) FROM (
        SELECT seq, prev, lag(id, 1, '') OVER (ORDER BY seq) AS before,
               lag(seq, 1, 0::bigint) OVER (ORDER BY seq) AS last
        FROM events
    ) AS chain WHERE prev <> before OR seq <> last + 1
"""
NAMING = """
    SELECT seq, type, job, data FROM events
    WHERE seq <= $1 AND data LIKE '%"uri"%' ORDER BY seq
"""


async def digests(driver: store.Connection) -> dict[str, Table]:
    """Every table of ours, as the transaction of this connection sees it."""
    found = {}
    for name in sorted(metadata.tables):
        found[name] = Table(*await digest(driver, name))
    return found


async def break_in(driver: store.Connection) -> int | None:
    """The first event that does not follow the one before it; None in a whole archive."""
    return await driver.fetchval(BROKEN)  # type: ignore[no-any-return]


async def named(driver: store.Connection, seq: int) -> AsyncIterator[tuple[str, Artifact]]:
    """(job, artifact) of all that the archive up to ``seq`` points at; not what was erased."""
    async for row in driver.cursor(NAMING, seq, prefetch=ROWS):
        for artifact in artifacts(decode_fact(row["type"], row["data"].encode())):
            if artifact.uri:
                yield row["job"], artifact
        await asyncio.sleep(0)


def artifacts(value: Any) -> Iterator[Artifact]:
    """The artifacts in a value, however deep."""
    if isinstance(value, Artifact):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from artifacts(getattr(value, name))
    elif isinstance(value, dict):
        if {"uri", "sha256", "bytes"} <= value.keys():
            yield msgspec.convert(value, Artifact)
        for inner in value.values():
            yield from artifacts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from artifacts(inner)
