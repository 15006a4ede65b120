"""The command `dalston`: one module for each noun; this one puts them together."""

import logging
import os
from pathlib import Path

import click

from infra.cli import (
    acl,
    analytics,
    backup,
    changing,
    demo,
    doctor,
    drains,
    editing,
    engines,
    environments,
    events,
    jobs,
    keys,
    parked,
    projection,
    running,
    transcribe,
)
from infra.cli.shell import Commands, Shell
from infra.local.stack import home_of
from streams import __version__

__all__ = ["cli", "main"]


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--home", type=click.Path(path_type=Path, file_okay=False), envvar="DALSTON_HOME",
              help="Where the local stack keeps everything.  [default: .dalston]")  # fmt: skip
@click.option("--url", envvar="DALSTON_URL", metavar="URL", help="A stack elsewhere.")
@click.option("--key", envvar="DALSTON_API_KEY", metavar="dk_…",
              help="An API key; in DALSTON_API_KEY nobody sees it.")  # fmt: skip
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, message="dalston %(version)s")
@click.pass_context
def cli(
    ctx: click.Context, home: Path | None, url: str | None, key: str | None, debug: bool
) -> None:
    """Dalston: audio in, transcript out, every fact an event.

    Exit codes: 0 it worked, 1 it failed, 2 wrong usage, 3 no stack answers, 130 Ctrl-C.
    """
    if not debug:
        logging.getLogger().addHandler(logging.NullHandler())  # a command says it itself
    place = home.absolute() if home else home_of({})
    ctx.obj = Shell(home=place, url=url or None, key=key or "", debug=debug, environ=os.environ)


for command in (
    demo.demo,
    doctor.doctor,
    running.up, running.down, running.status,
    changing.scale, changing.restart,
    transcribe.transcribe,
    jobs.jobs, jobs.job, jobs.cancel, jobs.retry, parked.parked, jobs.erase, jobs.search,
    editing.transcript, editing.rename, editing.edit,
    analytics.analytics, analytics.sql,
    events.events, engines.engines, engines.engine, drains.drain, drains.resume,
    projection.rebuild, projection.recover,
    backup.backup, backup.restore, acl.acl, keys.keys,
):  # fmt: skip
    cli.add_command(command)
for command in (environments.build, environments.lock, environments.run):
    engines.engine.add_command(command)


def main() -> None:
    """Run the command line of this process."""
    cli()
