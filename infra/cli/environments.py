"""`dalston engine build`, `lock` and `run`: an engine's own environment, without a stack."""

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import click

from infra import lock as locks
from infra.cli import parts
from infra.cli.shell import Shell
from infra.local import environment
from infra.local.home import Home

PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


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


@click.command("lock", epilog="Example: dalston engine lock shouting")
@click.argument("names", nargs=-1, required=True)
def lock(names: tuple[str, ...]) -> None:
    """Pin what engines need: requirements.in → requirements.lock, newest that fit, with hashes."""
    locks.engines(environment.UV, names)


@click.command(
    "run", context_settings=PASS_ON, epilog="Example: dalston engine run moonshine a.wav"
)
@click.argument("name")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED, metavar="FILE…")
@click.pass_context
def run(ctx: click.Context, name: str, words: tuple[str, ...]) -> None:
    """Let an engine do files in its own environment, without a stack; prints its output.

    The same as `python -m engines.NAME FILE…` there; `dalston engine run NAME --help` is its help.
    """
    shell: Shell = ctx.obj
    (python,) = asyncio.run(_build(shell, [name]))
    command = [str(python), "-m", f"engines.{name}", *words]
    ctx.exit(subprocess.run(command, env=dict(shell.environ), check=False).returncode)


async def _build(shell: Shell, names: Sequence[str]) -> list[Path]:
    """Their interpreters. One after the other: installers are busy with processor and line."""
    options = shell.options()
    place = options.environments or Home(options.home).environments
    card = environment.has_card(options.environ)
    with parts.on(shell.err) as told:
        wanted = [environment.of_engine(name, place, accelerated=card) for name in names]
        return [await environment.build(one, options.environ, told) for one in wanted]
