"""`dalston drain` and `dalston resume`: engines that are to take no tasks for a while."""

import click

from infra.cli.shell import Shell
from web.views import EngineView


@click.command(epilog="Example: dalston drain faster_whisper faster_whisper@box-0")
@click.argument("engine")
@click.argument("replica", required=False)
@click.pass_obj
def drain(shell: Shell, engine: str, replica: str | None) -> None:
    """Have an engine, or one replica, finish what it has and take no more.

    It unloads its models and stays so, over restarts too, until `dalston resume`. Its tasks wait,
    or go to its other replicas; new jobs are planned for another engine that does the stage.
    """
    view = shell.ask(lambda client: client.drain(engine, replica))
    shell.say(told(view, replica, drained=True))


@click.command(epilog="Example: dalston resume faster_whisper")
@click.argument("engine")
@click.argument("replica", required=False)
@click.pass_obj
def resume(shell: Shell, engine: str, replica: str | None) -> None:
    """Have an engine, or one replica, take tasks again."""
    view = shell.ask(lambda client: client.resume(engine, replica))
    shell.say(told(view, replica, drained=False))


def told(view: EngineView, replica: str | None, *, drained: bool) -> str:
    """What happens now, in a sentence."""
    busy = [one for one in view.replicas if one.job and replica in {None, one.replica}]
    if not drained:
        return f"{replica or view.name} takes tasks again"
    after = f", once {len(busy)} task(s) at hand are done" if busy else ""
    return f"{replica or view.name} takes no more tasks{after}; {view.queue.waiting} wait"
