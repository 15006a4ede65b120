"""Rows as CSV (RFC 4180): for spreadsheets, too, which would run a text as a formula."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

RUN = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a cell may not begin with (OWASP, CSV injection), in full width as well."""


def lines(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows, each ended by CR LF."""
    text = io.StringIO()
    csv.writer(text).writerows([cell(value) for value in row] for row in rows)
    return text.getvalue().encode()


def cell(value: Any) -> Any:
    """A value as a cell holds it: text that a spreadsheet would run gets a quote before it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value.startswith(RUN):
        return f"'{value}"
    return value
