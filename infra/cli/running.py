"""`dalston up`, `down` and `status`: the stack of a home."""

import asyncio

import click

from infra.cli import access, parts
from infra.cli.shell import Failed, Shell
from infra.local import http, stack
from infra.local.home import is_alive
from infra.local.record import Process, Program, Running


@click.command(epilog="Example: dalston up --detach --engine faster_whisper=2 --port 8080")
@click.option("--detach", "-d", is_flag=True, help="Keep it running in the background.")
@click.option("--engine", "engines", multiple=True, metavar="NAME=N",
              help="So many replicas of an engine; 0 for none.")  # fmt: skip
@click.option("--serve", "commands", multiple=True, metavar="NAME=COMMAND",
              help="Serve an engine by a program of your own.")  # fmt: skip
@click.option("--valkey", default="", metavar="URL", help="A real Redis or Valkey.")
@click.option("--postgres", default="", metavar="DSN", help="A real Postgres.")
@click.option("--s3", default="", metavar="URL", help="A real S3; its keys are in DALSTON_S3_*.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where the web listens.")
@click.option("--keys", "wants", is_flag=True, help="Whoever asks needs an API key.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="A free one without it.")
@click.pass_obj
def up(
    shell: Shell,
    *,
    detach: bool,
    engines: tuple[str, ...],
    commands: tuple[str, ...],
    valkey: str,
    postgres: str,
    s3: str,
    host: str,
    port: int,
    wants: bool,
) -> None:
    """Start the whole stack: servers, web, projector and engines. Prints the address.

    The first time it builds an environment for each engine. Without --detach it runs until Ctrl-C.
    On an address that others reach it wants keys, too; the first one is shown once, here.
    """
    asked = access.web(shell.environ, host, wants=wants)
    options = shell.options(
        engines=stack.with_replicas((*stack.with_commands(commands), *engines)),
        commands=stack.with_commands(commands),
        valkey=valkey,
        postgres=postgres,
        s3=s3,
        web_host=host,
        web_port=port,
        auth=asked.auth,
    )
    told = parts.on(shell.err)

    def ready(running: Running) -> None:
        told.finish()
        click.echo(running.web.url)
        end = "`dalston down` stops it" if detach else "Ctrl-C stops it"
        shell.say(f"Dalston is up on {shell.home}; {end}")
        shell.say(access.told(asked, shell.settings()))

    with told:
        asyncio.run(stack.up(options, told, detach=detach, ready=ready))


@click.command(epilog="Example: dalston down")
@click.pass_obj
def down(shell: Shell) -> None:
    """Stop the stack; engines hand back what they work on, and it goes on next time."""
    asyncio.run(stack.down(shell.home))
    shell.say(f"the stack on {shell.home} is stopped")


@click.command(epilog="Example: dalston status")
@click.pass_obj
def status(shell: Shell) -> None:
    """Show the parts of the stack: process ids, addresses, who is ready.

    Exit code 1 when a part is not, 3 when no stack runs.
    """
    running = stack.read(shell.home)
    rows = asyncio.run(states(running))
    shell.table(("part", "state", "pid", "address"), rows)
    wrong = [row[0] for row in rows if row[1] not in {"ready", "elsewhere"}]
    if wrong:
        raise Failed(f"not ready: {', '.join(wrong)}; `dalston doctor` says more")


async def states(running: Running) -> list[tuple[str, str, str, str]]:
    """(name, state, pid, address) of every part."""
    named: list[tuple[str, Process, str]] = [
        ("valkey", running.valkey, running.valkey.url),
        ("postgres", running.postgres, running.postgres.dsn),
        ("s3", running.s3, running.s3.url),
        ("projector", running.projector, running.projector.health),
        ("web", running.web, running.web.url),
        *((name, engine, engine.health) for name, engine in running.engines.items()),
    ]
    found = await asyncio.gather(*(state(part, address) for _, part, address in named))
    return [
        (name, state, str(part.pid or "-"), address)
        for (name, part, address), state in zip(named, found, strict=True)
    ]


async def state(part: Process, address: str) -> str:
    """A part's state in a word or two: by its /readyz, or by its process where it has none."""
    serves = isinstance(part, Program) or address.startswith("http")
    if part.pid is None:
        return "elsewhere" if not isinstance(part, Program) else "down"
    if not is_alive(part.pid):
        return "down"
    path = "/readyz" if isinstance(part, Program) else "/healthz"
    return "ready" if not serves or await http.answers(address + path) else "not ready"
