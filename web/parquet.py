"""`python -m web.parquet FILE`: rows from standard input, as JSON, into a Parquet file.

The first line says the columns, [[name, type of Postgres], …]; each line after it is a row. It is a
process of its own, for pyarrow takes more memory than all else that the web does.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 10_000
"""Of one row group."""


def number(value: Any) -> float | None:
    """A number; JSON has NaN and Infinity as text."""
    return None if value is None else float(value)


def time(value: str | None) -> datetime | None:
    """A time; one without a zone is in UTC."""
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def text(value: Any) -> str | None:
    """Any other value, as text or as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def same(value: Any) -> Any:
    """As it is."""
    return value


KINDS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    **dict.fromkeys(("int2", "int4", "int8"), (pa.int64(), same)),
    **dict.fromkeys(("float4", "float8", "numeric"), (pa.float64(), number)),
    **dict.fromkeys(("timestamptz", "timestamp"), (pa.timestamp("us", tz="UTC"), time)),
    "bool": (pa.bool_(), same),
}
OTHER = (pa.string(), text)


def write(lines: Iterable[str], path: str) -> None:
    """Write the rows of these lines.

    Raises:
        ValueError: a value is none that Parquet's type of the column has, such as a time in the
            year 20000.
    """
    source = iter(lines)
    columns: list[tuple[str, str]] = json.loads(next(source))
    kinds = [KINDS.get(kind, OTHER) for _, kind in columns]
    fields = zip(unique([name for name, _ in columns]), kinds, strict=True)
    schema = pa.schema([(name, kind) for name, (kind, _) in fields])
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := [json.loads(line) for line in islice(source, ROWS)]:
            arrays = [
                pa.array([convert(row[n]) for row in batch], kind)
                for n, (kind, convert) in enumerate(kinds)
            ]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def unique(names: list[str]) -> Iterator[str]:
    """Names of which no two are the same: readers of Parquet refuse such a file."""
    seen: set[str] = set()
    for name in names:
        fresh, count = name, 1
        while fresh in seen:
            count += 1
            fresh = f"{name}_{count}"
        seen.add(fresh)
        yield fresh


if __name__ == "__main__":
    try:
        write(sys.stdin, sys.argv[1])
    except (ValueError, OverflowError, pa.ArrowInvalid) as error:
        sys.exit(f"a value does not fit into Parquet: {error}")
