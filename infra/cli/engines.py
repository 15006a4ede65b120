"""`dalston engines` and `dalston engine`: who does the work, and how to add somebody."""

from pathlib import Path

import click
import msgspec

from infra import scaffold
from infra.cli.shell import Shell
from infra.local import environment
from streams.registry import Announcement
from web.views import EngineView

HEADER = ("engine", "stage", "version", "replica", "state", "loaded", "memory", "device",
          "waiting", "running")  # fmt: skip


@click.command(epilog="Example: dalston engines")
@click.option("--json", "as_json", is_flag=True, help="One JSON object an engine.")
@click.pass_obj
def engines(shell: Shell, as_json: bool) -> None:
    """Show the engines that run: versions, replicas, what they hold, and what waits for them."""
    found: list[EngineView] = shell.ask(lambda client: client.engines())
    if as_json:
        for engine in found:
            click.echo(msgspec.json.encode(engine))
        return
    shell.table(HEADER, [row for engine in found for row in rows(engine)])
    if not found:
        shell.say("no engine has announced itself: look at `dalston doctor`")


def rows(engine: EngineView) -> list[tuple[str, ...]]:
    """A line for each replica; one for an engine that has none, and so does not work."""
    queue = (str(engine.queue.waiting), str(engine.queue.running))
    if not engine.replicas:
        state = "no replica, drained" if engine.drained else "no replica"
        return [(engine.name, engine.stage, "-", "-", state, "", "", "", *queue)]
    return [(engine.name, engine.stage, *replica(one), *queue) for one in engine.replicas]


def replica(one: Announcement) -> tuple[str, ...]:
    """A replica's version, name, state, loaded models, memory, and where they run."""
    card = f" + {one.gpu_memory / 1e6:.0f} MB card" if one.gpu_memory else ""
    memory = f"{one.memory / 1e6:.0f} MB{card}"
    device = " ".join(part for part in (one.device, one.compute_type) if part)
    return one.version, one.replica, one.state, models(one), memory, device


def models(one: Announcement) -> str:
    """The models that a replica has loaded; without any, how many it could load."""
    if one.loaded:
        return ", ".join(one.loaded)
    if one.models:
        return f"none of {len(one.models)}"
    return "none here" if one.needs_model else "-"


@click.group()
def engine() -> None:
    """Engines of this checkout."""


@engine.command("list", epilog="Example: dalston engine list")
def engine_list() -> None:
    """Name the engines that `dalston up --engine NAME` can start."""
    for name in environment.engines():
        click.echo(name)


@engine.command("new", epilog="Example: dalston engine new shouting --stage cleanup")
@click.argument("name")
@click.option(
    "--stage", required=True, type=click.Choice(list(scaffold.KINDS)), help="What it does."
)
@click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path(),
    help="The checkout; the working directory without it.",
)  # fmt: skip
@click.pass_obj
def engine_new(shell: Shell, name: str, stage: str, root: Path) -> None:
    """Make a working engine with a test, to be changed into what you want."""
    for path in scaffold.new(name, stage, root):
        click.echo(str(path))
    shell.say(
        f"next: edit engines/{name}/engine.py, then pytest tests/engines/{name}; with a library: "
        f"name it in engines/{name}/requirements.in, then dalston engine lock {name}, "
        f"dalston engine run {name} FILE (docs/engines.md)"
    )
