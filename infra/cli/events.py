"""`dalston events`: the log, or one job's part of it, as it was and as it grows."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import click
import msgspec

from infra.cli.shell import Shell
from infra.client import Client
from infra.facts import name_of
from web.messages import CaughtUp, EventMessage
from web.views import CloudEvent

LONGEST = 120


@click.command(epilog="Example: dalston events --job 01m2x… --follow --json | jq .type")
@click.option("--job", "job_id", metavar="ID", help="Only this job's events.")
@click.option("--follow", "-f", is_flag=True, help="Go on with events as they happen.")
@click.option("--from", "start", type=click.IntRange(0), metavar="SEQ", help="Begin at this seq.")
@click.option("--json", "as_json", is_flag=True, help="CloudEvents, one a line.")
@click.pass_obj
def events(
    shell: Shell, job_id: str | None, follow: bool, start: int | None, as_json: bool
) -> None:
    """Print events: seq, time, job, type and what it says.

    Without --follow it ends with the newest event; with --follow and no --from it begins now.
    """

    async def tell(client: Client) -> None:
        found = chosen(client, job_id, follow=follow, start=start)
        async with aclosing(found) as events:
            async for event in events:
                click.echo(msgspec.json.encode(event) if as_json else line(event))

    shell.ask(tell)


async def chosen(
    client: Client, job_id: str | None, *, follow: bool, start: int | None
) -> AsyncGenerator[CloudEvent]:
    """The events that the options mean."""
    if not follow and job_id is not None:
        async for event in whole_history(client, job_id, after=(start or 1) - 1):
            yield event
        return
    begin = start if start is not None or follow else 1
    async with aclosing(client.follow(job=job_id, start=begin)) as messages:
        async for message in messages:
            if isinstance(message, EventMessage):
                yield message.event
            elif isinstance(message, CaughtUp) and not follow:
                return


async def whole_history(client: Client, job_id: str, *, after: int) -> AsyncGenerator[CloudEvent]:
    """Every event of a job with a seq over ``after``."""
    position: int | None = after
    while position is not None:
        page = await client.events(job_id, after=position)
        for event in page.events:
            yield event
        position = page.next


def line(event: CloudEvent) -> str:
    """An event for the eye."""
    said = msgspec.json.encode(event.data).decode()
    data = said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
    return f"{event.seq:>6}  {event.time[11:23]}  {event.subject}  {name_of(event):<22} {data}"
