"""`dalston rebuild` and `recover`: tables from the archive, and Redis from the tables."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from infra.cli.shell import Failed, Shell


@click.command(epilog="Example: dalston rebuild")
@click.pass_obj
def rebuild(shell: Shell) -> None:
    """Fold the whole archive into new tables beside the live ones, compare, swap.

    The stack goes on working meanwhile. Exit code 1 when the digests differ.
    """
    from projector import rebuild as rebuilding  # noqa: PLC0415 - as below

    with told(shell) as progress:
        report = asyncio.run(rebuilding.rebuild(shell.settings(), progress))
    for table in report.tables:
        same = "the same" if table.same else f"differed, had {table.live_rows}"
        click.echo(f"{table.name}: {table.rebuilt_rows} rows, {table.rebuilt_sha256[:16]}, {same}")
    shell.say(f"folded {report.events} events")
    if not report.same:
        raise Failed("the live tables were not what the archive says; they are replaced now")


@click.command(epilog="Example: dalston recover --yes")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--reason", default="dalston recover", help="Kept in the event log.recovered.")
@click.pass_obj
def recover(shell: Shell, yes: bool, reason: str) -> None:
    """Make Redis anew from Postgres, after it was lost or went back in time.

    The archive wins: events that only Redis had are dropped, a new epoch begins, and every job
    under way goes on. Safe to repeat.
    """
    from projector import recover as recovering  # noqa: PLC0415 - loads SQLAlchemy, slowly

    settings = shell.settings()
    if not yes:
        click.confirm(
            "Replace what Redis holds by what Postgres has archived?", abort=True, err=True
        )
    with told(shell) as progress:
        report = asyncio.run(recovering.recover(settings, reason, progress))
    click.echo(
        f"epoch {report.epoch} goes on after event {report.at_seq}: {report.dropped} events "
        f"dropped, {report.jobs} jobs put back, {report.requeued} stages queued, "
        f"{report.restarted} restarted"
    )


@contextmanager
def told(shell: Shell) -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each thing that is done; nothing in a pipe, where only the result counts."""
    bars = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=28), TextColumn("{task.completed}"),
        console=shell.err, transient=True, disable=not shell.err.is_terminal,
    )  # fmt: skip
    rows: dict[str, TaskID] = {}

    def progress(what: str, done: int, of: int) -> None:
        if what not in rows:
            rows[what] = bars.add_task(what, total=of)
        bars.update(rows[what], completed=done, total=of)

    with bars:
        yield progress
