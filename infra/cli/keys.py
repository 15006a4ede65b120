"""`dalston keys`: who may ask the API. Not the passwords of Redis and S3: see `infra.keys`."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar, Union

import click
import msgspec

from infra.cli.shell import Failed, Shell
from infra.client import Client, Rejected, Unreachable
from infra.local.errors import NotRunning
from web.callers import SCOPES
from web.key_views import KeyView, MadeKey, NewKey

if TYPE_CHECKING:  # it loads SQLAlchemy, slowly
    from infra.keyring import Keyring

T = TypeVar("T")
HEADER = ("id", "key", "name", "tenant", "scopes", "made", "expires", "last used", "state")
NO_USE = frozenset({401, 403, 429})
"""How the API answers whoever has no key that lets them make keys."""
UNITS = {"h": "hours", "d": "days", "w": "weeks"}


@click.group()
def keys() -> None:
    """Make, list and revoke the keys that the API wants.

    Over the API with the key of an admin in DALSTON_API_KEY; without one, and where the stack is of
    this machine, in its Postgres: whoever has the disk needs no key.
    """


@keys.command("list", epilog="Example: dalston keys list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_obj
def list_(shell: Shell, as_json: bool) -> None:
    """Show every key there ever was; of its secret only how it begins."""
    found: list[KeyView] = ask(shell, lambda place: place.keys())
    if as_json:
        for key in found:
            click.echo(msgspec.json.encode(key))
        return
    shell.table(HEADER, [row(key) for key in found])
    if not found:
        shell.say("no keys yet: `dalston keys make NAME --scope admin` makes the first")


@keys.command(epilog="Example: dalston keys make laptop --scope read --expires 90d")
@click.argument("name", default="")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES),
              help="What it may do; may be repeated.  [default: read, write]")  # fmt: skip
@click.option("--tenant", metavar="NAME", help="Whose jobs it sees.  [default: yours]")
@click.option("--expires", metavar="WHEN", help="After 12h, 30d or 4w, or at an RFC 3339 time.")
@click.option("--json", "as_json", is_flag=True, help="As the API gives it.")
@click.pass_obj
def make(
    shell: Shell,
    *,
    name: str,
    scopes: tuple[str, ...],
    tenant: str | None,
    expires: str | None,
    as_json: bool,
) -> None:
    """Make a key and print its secret, which nobody can show again."""
    wanted = {"name": name or "made by dalston keys", "scopes": scopes or ("read", "write"),
              "tenant": tenant, "expires_at": moment(expires) if expires else None}  # fmt: skip
    try:
        new = msgspec.convert(wanted, NewKey)
    except msgspec.ValidationError as error:
        raise click.UsageError(
            f"{error}: a name has up to 100 characters; a tenant up to 63 of a-z 0-9 _ . -"
        ) from None
    made: MadeKey = ask(shell, lambda place: place.make_key(new))
    click.echo(msgspec.json.encode(made) if as_json else made.secret)
    key = made.key
    shell.say(
        f"{key.prefix}: {' and '.join(key.scopes)} for tenant {key.tenant}. "
        "Only its digest is kept: this was the one time that it is shown."
    )


@keys.command(epilog="Example: dalston keys revoke dk_1a2b3c4d")
@click.argument("which", metavar="ID|dk_…")
@click.pass_obj
def revoke(shell: Shell, which: str) -> None:
    """End a key for good: within seconds its sessions and its open sockets end, too."""

    async def end(place: "Place") -> KeyView:
        found = [key for key in await place.keys() if which in {key.id, key.prefix}]
        if not found:
            raise Failed(f"there is no key {which[:40]!r}: `dalston keys list` shows them")
        await place.revoke_key(found[0].id)
        return found[0]

    key: KeyView = ask(shell, end)
    shell.say(f"{key.prefix} ({key.name}) is revoked")


Place = Union[Client, "Keyring"]


def ask(shell: Shell, question: Callable[[Place], Awaitable[T]]) -> T:
    """Ask the API; or Postgres, where it is ours and the API does not let us."""
    try:
        return shell.ask(question)
    except (Unreachable, NotRunning, Rejected) as error:
        if shell.url or (isinstance(error, Rejected) and error.status not in NO_USE):
            raise
        try:
            settings = shell.settings()
        except NotRunning:
            raise error from None

    async def directly() -> T:
        from infra import keyring  # noqa: PLC0415 - loads SQLAlchemy, slowly

        async with keyring.opened(settings) as place:
            return await question(place)

    return asyncio.run(directly())


def row(key: KeyView) -> tuple[str, ...]:
    """A key for the eye."""
    now = datetime.now(UTC)
    state = "revoked" if key.revoked_at else "valid"
    if state == "valid" and key.expires_at and key.expires_at <= now:
        state = "expired"
    times = (key.created_at, key.expires_at, key.last_used_at)
    return (key.id, key.prefix, key.name, key.tenant, " ".join(key.scopes),
            *(f"{time:%Y-%m-%d %H:%M}" if time else "never" for time in times), state)  # fmt: skip


def moment(text: str) -> datetime:
    """A time to come: "30d" from now, or RFC 3339.

    Raises:
        click.UsageError: it reads like neither, or is over.
    """
    now = datetime.now(UTC)
    try:
        if short := re.fullmatch(r"(\d{1,6})([hdw])", text):
            when = now + timedelta(**{UNITS[short[2]]: int(short[1])})
        else:
            when = datetime.fromisoformat(text)
            when = when if when.tzinfo else when.astimezone()
    except (ValueError, OverflowError):
        raise click.UsageError(
            f"--expires {text!r}: write 12h, 30d, 4w, or a time such as 2030-01-31T12:00:00Z"
        ) from None
    if when <= now:
        raise click.UsageError(f"--expires {text!r} is over already")
    return when
