"""`dalston transcript`, `rename` and `edit`: what a finished job says, and what people correct."""

from typing import get_args

import click

from infra.cli.shell import Shell
from web.formats import Format, Text


@click.command(epilog="Example: dalston transcript 01m2x… --format srt --original")
@click.argument("job_id", metavar="ID")
@click.option("--format", "form", default="txt", show_default=True,
              type=click.Choice(get_args(Format)))  # fmt: skip
@click.option("--text", default="said", show_default=True, type=click.Choice(get_args(Text)),
              help="What was said, or the clean text.")  # fmt: skip
@click.option("--original", is_flag=True, help="As the engines heard it, before any correction.")
@click.option("--at", type=click.IntRange(1), metavar="REV", help="As it was after event REV.")
@click.pass_obj
def transcript(
    shell: Shell, /, *, job_id: str, form: str, text: str, original: bool, at: int | None
) -> None:
    """Print the transcript of a job, with what people corrected."""
    version = "original" if original else None
    found: str = shell.ask(
        lambda client: client.transcript(job_id, form, text, version=version, at=at)
    )
    click.echo(found.rstrip("\n"))


@click.command(epilog='Example: dalston rename 01m2x… SPEAKER_00 "Ann"')
@click.argument("job_id", metavar="ID")
@click.argument("speaker")
@click.argument("name")
@click.pass_obj
def rename(shell: Shell, job_id: str, speaker: str, name: str) -> None:
    """Say who a speaker is, in every format from now on. An empty name takes it back."""
    view = shell.ask(lambda client: client.rename(job_id, speaker, name))
    called = view.names.get(speaker)
    shell.say(f"{speaker} is {called}" if called else f"{speaker} has no name")


@click.command(epilog='Example: dalston edit 01m2x… 12 "Ask not what your country can do."')
@click.argument("job_id", metavar="ID")
@click.argument("segment", type=click.IntRange(0), metavar="N")
@click.argument("text", required=False)
@click.option("--original", is_flag=True, help="Let what the engine heard stand again.")
@click.pass_obj
def edit(shell: Shell, job_id: str, segment: int, text: str | None, original: bool) -> None:
    """Correct what segment N says, counted from 0. The original is kept."""
    if (text is None) != original:
        raise click.UsageError("give the new text, or --original")
    shell.ask(lambda client: client.edit(job_id, segment, text))
    shell.say(
        f"segment {segment} says what was heard" if original else f"segment {segment} is corrected"
    )
