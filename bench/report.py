"""One line of a benchmark's answer: what, how much, what it should be, and whether it is."""

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """A figure; ``ok`` is None where there is no target."""

    what: str
    value: str
    target: str = ""
    ok: bool | None = None


def show(title: str, rows: list[Row]) -> bool:
    """Print a table; whether every target is met."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for heading in ("what", "measured", "target", ""):
        table.add_column(heading)
    for row in rows:
        mark = {None: "", True: "met", False: "MISSED"}[row.ok]
        table.add_row(row.what, row.value, row.target, mark)
    Console(file=sys.stdout, width=110).print(table)
    return all(row.ok is not False for row in rows)


def markdown(title: str, rows: list[Row]) -> str:
    """The same as a section of a document."""
    lines = [f"### {title}", "", "| what | measured | target | |", "| --- | --- | --- | --- |"]
    for row in rows:
        mark = {None: "", True: "met", False: "**missed**"}[row.ok]
        cells = (row.what, row.value, row.target, mark)
        lines.append("| " + " | ".join(cell.replace("|", "\\|").strip() for cell in cells) + " |")
    return "\n".join([*lines, "", ""])


def place(seconds: float) -> str:
    """When and where it was measured, as far as that says something about the figures."""
    load = os.getloadavg()[2]
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} processors, load {load:.1f}, "
        f"{seconds:.0f} s"
    )
