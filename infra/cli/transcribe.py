"""`dalston transcribe`: files in, transcripts out, on a stack that runs or one that it starts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import click
import msgspec

from infra.cli import sources, temporary, wishes
from infra.cli.batch import Batch, Outcome
from infra.cli.display import on
from infra.cli.reading import word_flow, word_lines
from infra.cli.shell import FAILED, INTERRUPTED, Shell
from infra.client import Client
from infra.facts import ended
from streams.events import JobRequest
from streams.transcript import Transcript
from web.views import JobView

FORMS = ("txt", "json", "srt", "vtt")


@dataclass(frozen=True)
class Wish:
    """How the transcripts are to look, and where they go."""

    form: str
    output: Path | None
    words: bool
    text: str

    @property
    def asked(self) -> str:
        """The format to ask the API for: word times are in the JSON only."""
        return "json" if self.words else self.form


@click.command(
    epilog="Examples: dalston transcribe talk.mp3;  dalston transcribe recordings/ --format srt "
    "--output subtitles/"
)
@click.argument(
    "files", metavar="FILE|DIR…", nargs=-1, required=True,
    type=click.Path(exists=True, readable=True, path_type=Path),
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(FORMS), default="txt", show_default=True)
@click.option(
    "--output", "-o", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Write a file for each transcript there instead of printing.",
)  # fmt: skip
@click.option("--words", is_flag=True, help="Print each word with its time: [00:01.24] word.")
@click.option("--model", help="A model that `dalston engines` names, or one to be fetched.")
@click.option("--language", metavar="CODE", help="Such as en; detected without it.")
@click.option("--task", type=click.Choice(["transcribe", "translate"]), default="transcribe")
@click.option("--hotwords", metavar="WORDS", help="Names and terms to listen for.")
@click.option("--prompt", metavar="TEXT", help="Text that sets spelling and style.")
@click.option("--channels", type=click.Choice(["mix", "separate"]), default="mix",
              help="Hear all channels as one, or each on its own.")  # fmt: skip
@click.option("--no-words", is_flag=True, help="Without word times; a little quicker.")
@wishes.options
@click.option("--text", type=click.Choice(["said", "clean"]), default="said", show_default=True,
              help="What was said, or the clean text of --cleanup.")  # fmt: skip
@click.option("--follow/--no-follow", default=True, show_default=True,
              help="Wait for the transcripts, or print the job ids and go.")  # fmt: skip
@click.pass_obj
def transcribe(
    shell: Shell,
    /,
    *,
    files: tuple[Path, ...],
    form: str,
    output: Path | None,
    words: bool,
    model: str | None,
    language: str | None,
    task: Literal["transcribe", "translate"],
    hotwords: str | None,
    prompt: str | None,
    channels: Literal["mix", "separate"],
    no_words: bool,
    text: str,
    follow: bool,
    **more: Any,
) -> None:
    """Transcribe files, or all audio and video below a directory.

    Uses the stack that runs; without one it starts its own and stops it afterwards. Progress goes
    to stderr, transcripts to stdout (of several files: in their order). Ctrl-C asks whether to
    cancel the jobs. Exit code 1 when a file could not be transcribed.
    """
    found = sources.collect(files)
    wish = Wish(form, output, words, text)
    check(found, wish, files=files, no_words=no_words)
    request = JobRequest(
        model=model,
        language=language,
        task=task,
        word_timestamps=not no_words,
        hotwords=hotwords,
        initial_prompt=prompt,
        channels=channels,
        **more,
    )
    batch = Batch(found, request, wish.asked, on(shell.err, len(found)), wish.text)
    if not follow:
        shell.ask(lambda client: leave(shell, batch, client))
        return
    with temporary.unless_running(shell, wishes.engines(request)) as address:
        failed = follow_all(shell, batch, wish, address)
    if failed:
        raise click.exceptions.Exit(FAILED)


def check(
    found: list[sources.Source], wish: Wish, *, files: tuple[Path, ...], no_words: bool
) -> None:
    """Refuse what cannot come out right."""
    if not found:
        raise click.UsageError(f"no audio or video file in {', '.join(map(str, files))}")
    if wish.words and (no_words or wish.form != "txt"):
        raise click.UsageError("--words prints text with word times: it goes with --format txt")
    if len(found) > 1 and wish.form in {"srt", "vtt"} and not wish.output:
        raise click.UsageError(f"several {wish.form} files on one stream: give --output DIR")


async def leave(shell: Shell, batch: Batch, client: Client) -> None:
    """Submit only: print an id for each file."""
    failed = False
    async for outcome in batch.submit(client):
        if outcome.job:
            click.echo(f"{outcome.job.id}\t{outcome.source.name}")
        else:
            failed = True
            complain(shell, outcome)
    if failed:
        raise click.exceptions.Exit(FAILED)


def follow_all(shell: Shell, batch: Batch, wish: Wish, address: str) -> int:
    """Run the batch and put the transcripts where they are wanted; how many files failed."""

    async def run() -> int:
        async with shell.client(address) as client:
            with batch.display:
                async with aclosing(batch.run(client)) as outcomes:
                    return await deliver(shell, client, batch, wish, outcomes)

    try:
        return asyncio.run(run())
    except KeyboardInterrupt:
        give_up(shell, address, [v for v in batch.submitted.values() if not ended(v)])
        raise click.exceptions.Exit(INTERRUPTED) from None


async def inaudible(client: Client, job_id: str, path: Path) -> None:
    """Save the tracks beside the transcript: one, or one for each channel."""
    document = transcript(await client.transcript(job_id))
    for track in range(len(document.audio)):
        number = f"-{track}" if len(document.audio) > 1 else ""
        target = path.with_name(f"{path.name}.redacted{number}.wav")
        await client.audio(job_id, track, target)
        click.echo(str(target))


async def deliver(
    shell: Shell, client: Client, batch: Batch, wish: Wish, outcomes: AsyncIterator[Outcome]
) -> int:
    """Print or write each transcript as it comes; how many there are none of."""
    failed, number = 0, 0
    paths = sources.outputs(batch.sources, wish.output or Path(), wish.form)
    async for outcome in outcomes:
        path, number = paths[number], number + 1
        with batch.display.aside():
            if outcome.error:
                failed += 1
                if not outcome.told:
                    complain(shell, outcome)
            elif wish.output:
                sources.write(path, shaped(outcome.text, wish) + "\n")
                click.echo(str(path))
                if batch.request.redact_audio != "keep" and outcome.job:
                    await inaudible(client, outcome.job.id, path.with_suffix(""))
            else:
                emit(shell, outcome, wish, alone=len(batch.sources) == 1)
    return failed


def emit(shell: Shell, outcome: Outcome, wish: Wish, *, alone: bool) -> None:
    """A transcript on stdout; of several, text has headings and JSON is a line each."""
    if wish.form == "json" and not alone:
        line = {"file": str(outcome.source.name), "job": outcome.job and outcome.job.id}
        document = msgspec.Raw(outcome.text.encode())
        click.echo(msgspec.json.encode({**line, "transcript": document}))
        return
    if not alone:
        click.echo(f"==> {outcome.source.name} <==")
    if wish.words and shell.out.is_terminal:
        shell.out.print(word_flow(transcript(outcome.text), shell.out.width))
    else:
        click.echo(shaped(outcome.text, wish))


def shaped(text: str, wish: Wish) -> str:
    """What the API gave, as it is to be kept."""
    return (word_lines(transcript(text)) if wish.words else text).rstrip("\n")


def transcript(text: str) -> Transcript:
    """The typed transcript of its JSON."""
    return msgspec.json.decode(text, type=Transcript)


def complain(shell: Shell, outcome: Outcome) -> None:
    """Say which file failed, and why."""
    shell.say(f"dalston: {outcome.source.path}: {outcome.error}")


def give_up(shell: Shell, address: str, running: list[JobView]) -> None:
    """After Ctrl-C: cancel what runs, unless the user would rather let it go on."""
    if not running:
        return
    if shell.err.is_terminal:
        try:
            wanted = click.confirm(
                f"\nCancel {len(running)} running job(s)?", default=True, err=True
            )
        except click.Abort:  # Ctrl-C again: yes, at once
            wanted = True
        if not wanted:
            for view in running:
                shell.say(f"goes on: {view.id} (dalston job {view.id})")
            return

    async def cancel() -> None:
        async with shell.client(address) as client:
            answers = (client.cancel(view.id) for view in running)
            await asyncio.gather(*answers, return_exceptions=True)

    asyncio.run(cancel())
    shell.say(f"cancelled {len(running)} job(s)")
