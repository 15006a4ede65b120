"""`dalston parked`: stages that failed for good, and what to do about them."""

import click
import msgspec

from infra.cli.shell import Failed, Shell
from infra.client import Client, Rejected
from web.parked_views import Retried

HEADER = ("job", "stage", "engine", "kind", "file", "reason")


@click.group()
def parked() -> None:
    """Stages that failed for good and wait for a person."""


@parked.command("list", epilog="Example: dalston parked list --engine faster_whisper")
@click.option("--engine", metavar="NAME", help="Only what this engine was to do.")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object a stage.")
@click.pass_obj
def parked_list(shell: Shell, engine: str | None, limit: int, as_json: bool) -> None:
    """Show every parked stage with its reason."""
    found = shell.ask(lambda client: client.parked(engine=engine, limit=limit))
    if as_json:
        for one in found:
            click.echo(msgspec.json.encode(one))
        return
    shell.table(
        HEADER,
        [
            (one.job, one.stage, one.engine, one.kind or "lost", one.filename, one.reason)
            for one in found
        ],
    )
    if not found:
        shell.say("nothing is parked")


@parked.command("retry", epilog="Example: dalston parked retry --all")
@click.argument("job_ids", metavar="[ID]…", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every blocked job.")
@click.option("--engine", metavar="NAME", help="All that this engine was to do.")
@click.option("--stage", help="Only stages of this name.")
@click.pass_obj
def parked_retry(
    shell: Shell,
    job_ids: tuple[str, ...],
    everything: bool,
    engine: str | None,
    stage: str | None,
) -> None:
    """Give parked stages a fresh budget and let their jobs go on.

    Of many, one that cannot go on stops no other; the exit code is 1 then.
    """
    if bool(job_ids) == bool(everything or engine):
        raise click.UsageError("name the jobs, or give --all, or --engine NAME")

    async def each(client: Client) -> Retried:
        failed: list[str] = []
        for job_id in job_ids:
            try:
                await client.retry(job_id, stage=stage)
                click.echo(job_id)
            except Rejected as rejected:
                failed.append(f"{job_id}: {rejected}")
        return Retried(len(job_ids) - len(failed), len(failed), next(iter(failed), ""))

    if job_ids:
        done = shell.ask(each)
    else:
        done = shell.ask(lambda client: client.retry_parked(engine=engine, stage=stage))
    shell.say(f"{done.retried} {'job goes' if done.retried == 1 else 'jobs go'} on")
    if done.failed:
        stays = "job stays" if done.failed == 1 else "jobs stay"
        raise Failed(f"{done.failed} {stays} parked; the first: {done.reason}")
