"""`dalston engine build`: environments ahead of the first start, for a slow line or none later."""

import asyncio
from collections.abc import Sequence

import click

from infra.cli import parts
from infra.cli.shell import Shell
from infra.local import environment
from infra.local.home import Home


@click.command("build", epilog="Example: dalston engine build pyannote presidio")
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All engines of this checkout.")
@click.pass_obj
def build(shell: Shell, names: tuple[str, ...], every: bool) -> None:
    """Install what engines need, each into an environment of its own; done before: at once."""
    wanted = environment.engines() if every else names
    if not wanted:
        raise click.UsageError(f"name engines, or --all: {', '.join(environment.engines())}")
    asyncio.run(_build(shell, wanted))
    for name in wanted:
        click.echo(name)


async def _build(shell: Shell, names: Sequence[str]) -> None:
    """One after the other: installers are busy with the processor and the line."""
    options = shell.options()
    place = options.environments or Home(options.home).environments
    card = environment.has_card(options.environ)
    with parts.on(shell.err) as told:
        for name in names:
            found = environment.of_engine(name, place, accelerated=card)
            await environment.build(found, options.environ, told)
