"""`dalston demo`: the whole thing once, from nothing to a transcript and back to nothing."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

from infra.cli import display, remains, sources, temporary
from infra.cli.batch import Batch, Outcome
from infra.cli.reading import word_flow
from infra.cli.shell import Failed, Shell
from infra.cli.transcribe import transcript
from infra.local.environment import ROOT
from infra.local.errors import NotRunning
from streams.events import JobRequest

SAMPLES = ROOT / "samples"


@dataclass(frozen=True)
class Shown:
    """What the demonstration has to tell at its end; seconds."""

    outcomes: list[Outcome]
    wall_s: float
    events: int


@click.command(epilog="Example: make demo")
@click.argument("files", metavar="[FILE]…", nargs=-1,
                type=click.Path(exists=True, dir_okay=False, path_type=Path))  # fmt: skip
@click.pass_obj
def demo(shell: Shell, files: tuple[Path, ...]) -> None:
    """Start a stack, transcribe the samples that ship with it, stop everything.

    Shows each stage live and the transcript with the time of every word. The first run builds an
    environment for each engine, which takes a minute or more; the next ones start in seconds.
    """
    found = sources.collect(files or (SAMPLES,))
    if not found:
        raise Failed(f"no sample in {SAMPLES}: run it in a checkout, or name a file of yours")
    began = time.monotonic()
    with stack(shell) as url:
        shell.say(f"up after {time.monotonic() - began:.1f} s; watch it on {url}")
        batch = Batch(found, JobRequest(), "json", display.on(shell.err, len(found)))
        shown = asyncio.run(transcribed(shell, url, batch))
        for outcome in shown.outcomes:
            tell(shell, outcome)
        shell.say(summary(shown, url))
    if failed := [outcome for outcome in shown.outcomes if outcome.error]:
        raise Failed(f"{len(failed)} of {len(shown.outcomes)} files could not be transcribed")


@contextmanager
def stack(shell: Shell) -> Iterator[str]:
    """A stack of ours that leaves nothing behind; one that runs already is used, and stays."""
    try:
        url = shell.address()
    except NotRunning:
        parts = remains.NOTHING
        try:
            with temporary.running(shell, shell.options()) as running:
                parts = remains.of(running, shell.home)
                yield running.web.url
        finally:
            if parts is not remains.NOTHING:  # else it did not even come up, and says so itself
                shell.say(farewell(parts, shell.home))
    else:
        shell.say(f"using the stack that runs on {url}; it will go on running")
        yield url


def farewell(parts: remains.Parts, home: Path) -> str:
    """What is left of a stack that was stopped.

    Raises:
        Failed: something is.
    """
    if left := remains.left(parts):
        raise Failed(f"something was left behind: {'; '.join(left)}")
    return (
        f"stopped: none of its {len(parts.processes)} processes, no socket and no open port is "
        f"left; its data is in {home}"
    )


async def transcribed(shell: Shell, url: str, batch: Batch) -> Shown:
    """Run the batch while its stages are shown."""
    async with shell.client(url) as client:
        began = time.monotonic()
        with batch.display:
            outcomes = [outcome async for outcome in batch.run(client)]
        return Shown(outcomes, time.monotonic() - began, await client.head())


def tell(shell: Shell, outcome: Outcome) -> None:
    """The transcript with its words' times, or why there is none."""
    if outcome.error:
        shell.say(f"{outcome.source.path}: {outcome.error}")
        return
    said = transcript(outcome.text)
    shell.say(f"\n{outcome.source.name} ({said.duration:.1f} s, language {said.language}):")
    flow = word_flow(said, shell.out.width)
    if shell.out.is_terminal:
        shell.out.print(flow)
    else:
        click.echo(flow.plain)


def summary(shown: Shown, url: str) -> str:
    """One line: how much, how quick, how many facts, and where it could be seen."""
    audio = sum(transcript(o.text).duration for o in shown.outcomes if not o.error)
    rate = f", RTF {shown.wall_s / audio:.2f}" if audio else ""
    return (
        f"\n{audio:.1f} s of audio in {shown.wall_s:.1f} s{rate}; {shown.events} events in the "
        f"log; the page was {url}"
    )
