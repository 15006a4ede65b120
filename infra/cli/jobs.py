"""`dalston jobs`, `job`, `cancel`, `retry`, `erase` and `search`: jobs by their ids."""

import asyncio
from datetime import UTC, datetime

import click
import msgspec
from rich.text import Text

from infra.cli.display import words
from infra.cli.reading import clock
from infra.cli.shell import Failed, Shell
from infra.client import Client
from web.views import HitView, JobView

STATUSES = (
    "accepted", "queued", "running", "blocked", "cancelling", "succeeded", "failed", "cancelled",
)  # fmt: skip


@click.command(epilog="Example: dalston jobs --status failed --since 24h --engine whisperx")
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs in this state.")
@click.option("--name", metavar="TEXT", help="Only of files with that in their name.")
@click.option("--since", metavar="TIME", help="Only from then on: 24h, 7d, or 2026-03-01T12:00Z.")
@click.option("--until", metavar="TIME", help="Only from before then.")
@click.option("--stage", help="Only with a stage of that name, such as diarize.")
@click.option("--engine", help="Only with a stage of that engine.")
@click.option("--model", help="Only with a stage that used that model.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def jobs(
    shell: Shell, /, *, name: str | None, limit: int, as_json: bool, **which: str | None
) -> None:
    """List jobs, newest first. In a pipe: tab separated id, status, progress, age, file.

    Of --stage, --engine and --model one stage of a job has all that are given.
    """
    found = shell.ask(lambda client: client.jobs(limit=limit, q=name, **which))
    if as_json:
        for view in found:
            click.echo(msgspec.json.encode(view))
        return
    shell.table(("id", "status", "done", "age", "file"), [row(view) for view in found])
    if not found:
        shell.say("no such jobs" if name or any(which.values()) else "no jobs yet")


@click.command(epilog="Example: dalston job 01m2x… --at 5")
@click.argument("job_id", metavar="ID")
@click.option("--at", type=click.IntRange(1), metavar="REV", help="As it was after event REV.")
@click.option("--json", "as_json", is_flag=True, help="As the API gives it.")
@click.pass_obj
def job(shell: Shell, job_id: str, at: int | None, as_json: bool) -> None:
    """Show one job and its stages, now or at an earlier moment of its history."""
    view: JobView = shell.ask(lambda client: client.job(job_id, at=at))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(view)))
        return
    click.echo(f"{view.id}  {view.filename}  {view.status}  (revision {view.rev})")
    for label, value in details(view):
        click.echo(f"  {label}: {value}")
    for stage in view.stages:
        click.echo(f"  {stage.name:<12} {words(stage)}")


@click.command(epilog="Example: dalston cancel 01m2x…")
@click.argument("job_ids", metavar="ID…", nargs=-1, required=True)
@click.pass_obj
def cancel(shell: Shell, job_ids: tuple[str, ...]) -> None:
    """Stop jobs: nothing of them starts any more, and what runs is killed within seconds."""

    async def each(client: Client) -> list[JobView]:
        return list(await asyncio.gather(*(client.cancel(job_id) for job_id in job_ids)))

    for view in shell.ask(each):
        shell.say(f"{view.id} is {view.status}")


@click.command(epilog="Example: dalston retry 01m2x… --stage transcribe")
@click.argument("job_id", metavar="ID")
@click.option("--stage", help="Only this parked stage; all of them without it.")
@click.pass_obj
def retry(shell: Shell, job_id: str, stage: str | None) -> None:
    """Go on with a blocked job; of one that failed or was cancelled, make a new job.

    Prints the id of the job that runs now.
    """
    view: JobView = shell.ask(lambda client: client.retry(job_id, stage=stage))
    click.echo(view.id)
    shell.say(f"a new job of {job_id}'s audio" if view.id != job_id else f"{job_id} goes on")


@click.command(epilog="Example: dalston erase 01m2x… --yes")
@click.argument("job_id", metavar="ID")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(shell: Shell, job_id: str, yes: bool) -> None:
    """Forget what a job said: its audio, its transcript and the words in its events, for good."""
    if not yes:
        click.confirm(f"Erase job {job_id} for good?", abort=True, err=True)
    shell.ask(lambda client: client.erase(job_id))
    shell.say(f"{job_id} is erased")


@click.command(epilog='Example: dalston search "ask not"')
@click.argument("text", metavar="TEXT…", nargs=-1, required=True)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def search(shell: Shell, text: tuple[str, ...], limit: int, as_json: bool) -> None:
    """Find where something was said. Exit code 1 when nowhere."""
    hits: list[HitView] = shell.ask(lambda client: client.search(" ".join(text), limit=limit))
    for hit in hits:
        if as_json:
            click.echo(msgspec.json.encode(hit))
        elif shell.out.is_terminal:
            shell.out.print(Text(f"{hit.filename} [{clock(hit.start)}] "), marked(hit), sep="")
        else:
            click.echo("\t".join((hit.job, hit.filename, clock(hit.start), hit.text)))
    if not hits:
        raise Failed("nothing found")


def row(view: JobView) -> tuple[str, ...]:
    """A job as a line of a table."""
    done = "" if view.status in {"failed", "cancelled"} else f"{view.progress:.0%}"
    return (view.id, view.status, done, age(view.submitted_at), view.filename)


def age(moment: datetime) -> str:
    """How long ago, in its largest unit."""
    seconds = max((datetime.now(UTC) - moment).total_seconds(), 0)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def details(view: JobView) -> list[tuple[str, str]]:
    """What there is to say of a job beside its stages."""
    asked = ", ".join(f"{k}={v}" for k, v in msgspec.to_builtins(view.request).items())
    known = [
        ("submitted", view.submitted_at.isoformat(timespec="seconds")),
        ("ended", view.ended_at and view.ended_at.isoformat(timespec="seconds")),
        ("audio", view.audio_s is not None and f"{view.audio_s:.2f} s"),
        ("asked for", asked),
        ("again from", view.again_from),
        ("reason", view.reason),
        *(("warning", warning) for warning in view.warnings),
    ]
    return [(label, str(value)) for label, value in known if value]


def marked(hit: HitView) -> Text:
    """The snippet with what was found in bold."""
    text = Text(hit.snippet or hit.text)
    for start, end in hit.marks:
        text.stylize("bold yellow", start, end)
    return text
