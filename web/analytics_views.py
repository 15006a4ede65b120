"""What analytics answers with."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta


class ColumnView(msgspec.Struct, frozen=True):
    """A column: ``type`` is text, integer, number, boolean, time or json; ``unit`` may be empty."""

    name: str
    type: str
    unit: str
    summary: str


class QueryView(msgspec.Struct, frozen=True):
    """A question that has a name, and its SQL for the last seven days."""

    name: str
    title: str
    summary: str
    sql: str
    columns: list[ColumnView]
    group: Annotated[list[str], Meta(description="the columns that tell rows of a bucket apart")]


class QueryList(msgspec.Struct, frozen=True):
    """The questions that have a name."""

    queries: list[QueryView]


class QueryRows(msgspec.Struct, frozen=True):
    """The answer, and the SQL that gave it."""

    query: str
    since: datetime
    until: datetime
    bucket: str
    sql: str
    columns: list[ColumnView]
    rows: list[list[Any]]
    truncated: bool


class SqlBody(msgspec.Struct, frozen=True):
    """One SELECT over the views; at most so many rows of the answer."""

    sql: Annotated[str, Meta(max_length=50_000)]
    limit: Annotated[int, Meta(ge=1, le=100_000)] | None = None


class SqlColumn(msgspec.Struct, frozen=True):
    """A column of an answer; ``type`` is Postgres's own name of it."""

    name: str
    type: str


class SqlRows(msgspec.Struct, frozen=True):
    """The answer; ``truncated`` when there are more rows than were asked for."""

    columns: list[SqlColumn]
    rows: list[list[Any]]
    truncated: bool
    elapsed_s: float


class ViewView(msgspec.Struct, frozen=True):
    """A view in the schema ``analytics``."""

    name: str
    summary: str
    columns: list[ColumnView]


class ViewList(msgspec.Struct, frozen=True):
    """The views that SQL may ask; ``off`` says why it may not here, empty when it may."""

    views: list[ViewView]
    off: str
