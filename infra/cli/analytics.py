"""`dalston analytics` and `dalston sql`: questions about what happened, answered by the API."""

import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from infra.cli.shell import Failed, Shell
from infra.client import Client
from web.analytics_views import QueryList, QueryRows, SqlRows

FORMATS = click.Choice(("table", "csv", "json", "parquet"))
TIMEOUT_S = 90.0
F = TypeVar("F", bound=Callable[..., Any])


def answered(command: F) -> F:
    """The options about how an answer is given."""
    file = click.Path(path_type=Path, dir_okay=False)
    for option in (
        click.option("--output", "-o", type=file, metavar="FILE", help="Save it there."),
        click.option("--format", "-f", "form", type=FORMATS, default="table", show_default=True),
    ):
        command = option(command)
    return command


@click.command(epilog="Example: dalston analytics rtf --since 7d --bucket day --engine whisperx")
@click.argument("query", required=False)
@click.option("--since", default="7d", show_default=True, metavar="TIME",
              help="From when on: 90m, 24h, 7d, or 2026-03-01T12:00Z.")  # fmt: skip
@click.option("--until", metavar="TIME", help="Before when.  [default: now]")
@click.option("--bucket", type=click.Choice(("minute", "hour", "day", "week")),
              help="A row for each of them.  [default: what fits]")  # fmt: skip
@click.option("--engine", help="Only of this engine.")
@click.option("--model", help="Only of this model.")
@click.option("--stage", help="Only of this stage.")
@click.option("--all-tenants", is_flag=True, help="Of every tenant; wants an admin's key.")
@click.option("--sql", "show_sql", is_flag=True, help="Print the SQL that is asked, no answer.")
@answered
@click.pass_obj
def analytics(
    shell: Shell, /, *, query: str | None, show_sql: bool, form: str, output: Path | None,
    all_tenants: bool, **which: str | None,
) -> None:  # fmt: skip
    """Answer one of the questions that have a name; without one, list them."""
    if query is None:
        listed = shell.ask(questions).queries
        shell.table(("query", "tells"), [(one.name, one.summary) for one in listed])
        return
    kind = "json" if form == "table" or show_sql else form
    params = {name: value for name, value in which.items() if value is not None}
    params |= {"format": kind} | ({"all": "true"} if all_tenants else {})

    async def ask(client: Client) -> bytes:
        path = f"/v1/analytics/{query}"
        return (await client.call("GET", path, params=params, timeout=TIMEOUT_S)).content

    data = shell.ask(ask)
    if show_sql:
        click.echo(msgspec.json.decode(data, type=QueryRows).sql)
    elif form == "table":
        answer = msgspec.json.decode(data, type=QueryRows)
        names = [column.name for column in answer.columns]
        show(shell, names, answer.rows, output, truncated=answer.truncated)
    else:
        save(data, form, output)


@click.command(epilog='Example: dalston sql "SELECT engine, avg(rtf) FROM attempts GROUP BY 1"')
@click.argument("statement")
@click.option("--limit", type=click.IntRange(1, 100_000), help="At most so many rows.")
@answered
@click.pass_obj
def sql(
    shell: Shell, /, *, statement: str, limit: int | None, form: str, output: Path | None
) -> None:
    """Ask one SELECT over the views (docs/analytics.md), for at most ten seconds; - reads stdin."""
    text = sys.stdin.read() if statement == "-" else statement
    body = {"sql": text, "limit": limit}
    params = {"format": "json" if form == "table" else form}

    async def ask(client: Client) -> bytes:
        reply = await client.call(
            "POST", "/v1/sql", json=body, params=params, timeout=TIMEOUT_S, tries=1
        )
        return reply.content

    data = shell.ask(ask)
    if form == "table":
        answer = msgspec.json.decode(data, type=SqlRows)
        names = [column.name for column in answer.columns]
        show(shell, names, answer.rows, output, truncated=answer.truncated)
    else:
        save(data, form, output)


async def questions(client: Client) -> QueryList:
    """Those that have a name."""
    reply = await client.call("GET", "/v1/analytics")
    return msgspec.json.decode(reply.content, type=QueryList)


def show(
    shell: Shell, names: Sequence[str], rows: list[list[Any]], output: Path | None, *,
    truncated: bool,
) -> None:  # fmt: skip
    """Rows for eyes."""
    cells = [[cell(value) for value in row] for row in rows]
    if output is not None:
        text = "\n".join("\t".join(row) for row in [list(names), *cells]) + "\n"
        output.write_text(text)
    else:
        shell.table(names, cells)
    if truncated:
        shell.say(f"these are the first {len(rows)} rows: there are more")
    elif not rows:
        shell.say("no rows")


def save(data: bytes, form: str, output: Path | None) -> None:
    """The answer as it came, into a file or a pipe."""
    if output is not None:
        output.write_bytes(data)
    elif form == "parquet" and sys.stdout.isatty():
        raise Failed("Parquet is no text: name a file with -o FILE")
    else:
        click.echo(data, nl=form == "json")


def cell(value: Any) -> str:
    """A value in few characters: whole seconds of times, four digits of numbers."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case float():
            return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
        case str():
            return moment(value)
        case list() | dict():
            return msgspec.json.encode(value).decode()
        case _:
            return str(value)


def moment(text: str) -> str:
    """A time without its fractions and zone, which is UTC; any other text on one line."""
    try:
        if len(text) >= len("2026-03-01T00:00:00+00:00") and text[10] == "T":
            return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M:%S}"
    except ValueError:
        pass
    return "".join(char if char.isprintable() else " " for char in text)
