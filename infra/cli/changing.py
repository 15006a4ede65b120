"""`dalston scale` and `restart`: change a stack while it works."""

import asyncio

import click

from infra.cli import parts
from infra.cli.shell import Shell
from infra.local import control, options
from infra.local.home import Home


@click.command(epilog="Example: dalston scale faster_whisper=3 merge=2")
@click.argument("engines", nargs=-1, required=True, metavar="NAME=N…")
@click.pass_obj
def scale(shell: Shell, engines: tuple[str, ...]) -> None:
    """Have so many replicas of an engine from now on, while jobs run.

    Those that go end their task first, or hand it back after DALSTON_DRAIN_S. Holds until the
    stack stops: `dalston up --engine NAME=N` is for the next time.
    """
    order = control.Order(scale=options.counts(engines))
    asyncio.run(control.send(Home(shell.home), order, parts.Lines(shell.err)))
    click.echo(", ".join(f"{name}={count}" for name, count in order.scale.items()))


@click.command(epilog="Example: dalston restart web")
@click.argument("names", nargs=-1, metavar="[PART]…")
@click.pass_obj
def restart(shell: Shell, names: tuple[str, ...]) -> None:
    """Restart parts one after the other, as `dalston status` names them; jobs go on.

    Without a name: every replica of every engine, the projector, the web. An engine ends its task
    first, or hands it back after DALSTON_DRAIN_S; the web is away for a second or two.
    """
    order = control.Order(restart=names or ("engines", "projector", "web"))
    asyncio.run(control.send(Home(shell.home), order, parts.Lines(shell.err)))
    click.echo("restarted")
