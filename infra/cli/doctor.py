"""`dalston doctor`: is every part well, and if not, what is to be done."""

import asyncio
from contextlib import suppress

import click
import msgspec
from rich.text import Text

from infra.cli.shell import FAILED, NO_STACK, Shell
from infra.doctor.finding import Finding
from infra.local import stack
from infra.local.errors import NotRunning

STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command(epilog="Example: dalston doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding.")
@click.pass_obj
def doctor(shell: Shell, as_json: bool) -> None:
    """Examine Python, disk, processes, Redis, Postgres, S3, projector, engines and clocks.

    Looks at the stack of the home; without one, at the servers that DALSTON_REDIS_URL and its kin
    name; with --url, at what a stack elsewhere says of itself. Exit code 1 when something fails.
    """
    findings, known = look(shell)
    for finding in findings:
        if as_json:
            click.echo(msgspec.json.encode(finding))
        else:
            tell(shell, finding)
    failed = sum(finding.level == "fail" for finding in findings)
    if failed:
        shell.say(f"{failed} of {len(findings)} fail")
        raise click.exceptions.Exit(FAILED)
    if not known:
        shell.say(f"no stack runs on {shell.home}: start one with `dalston up`")
        raise click.exceptions.Exit(NO_STACK)


def look(shell: Shell) -> tuple[list[Finding], bool]:
    """The findings, and whether there was a stack to look at."""
    from infra.doctor import rounds  # noqa: PLC0415 - its clients take half a second to load

    if shell.url:
        return shell.ask(rounds.examine_remote), True
    running, settings = None, None
    with suppress(NotRunning):
        settings = shell.settings()
        running = stack.read(shell.home)
    found = asyncio.run(rounds.examine(shell.home, settings, running))
    return found, settings is not None


def tell(shell: Shell, finding: Finding) -> None:
    """A line for what is; a second one for what to do."""
    line = Text(f"{finding.level:<5}", style=STYLES[finding.level])
    line.append(f"{finding.part}: {finding.detail}", style="default")
    shell.out.print(line, soft_wrap=True)
    if finding.cure:
        shell.out.print(Text(f"     → {finding.cure}"), soft_wrap=True)
