"""What all commands share: where the stack is, where words go, what an error exits with."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from infra.backup.errors import BackupError
from infra.client import Client, ClientError, Unreachable
from infra.local import stack
from infra.local.errors import LocalError, NotRunning
from projector.errors import ProjectorError
from streams.errors import StreamsError
from streams.settings import Settings

T = TypeVar("T")

FAILED, NO_STACK, INTERRUPTED = 1, 3, 130

SERVERS = ("DALSTON_REDIS_URL", "DALSTON_POSTGRES_DSN", "DALSTON_S3_URL")
"""One of these in the environment means a stack that is not of this home."""
FAULT = "{}: {}\nThis is a fault of ours: run `dalston --debug …` and report what it prints."


class Failed(Exception):
    """The thing itself failed, such as a job; the message says why."""


@dataclass(frozen=True)
class Shell:
    """One call of `dalston`: the stack it talks to, and the two streams of a terminal.

    url: the address of a stack elsewhere; None means the one of ``home``.
    key: the API key that it may want.
    """

    home: Path
    url: str | None
    debug: bool
    environ: Mapping[str, str] = field(repr=False)
    key: str = field(default="", repr=False)
    out: Console = field(default_factory=lambda: Console(file=sys.stdout, highlight=False))
    err: Console = field(default_factory=lambda: Console(file=sys.stderr, highlight=False))

    def address(self) -> str:
        """Where the API is.

        Raises:
            NotRunning: no address was given and no stack runs on the home.
        """
        return self.url or stack.read(self.home).web.url

    def options(self, **wanted: Any) -> stack.Options:
        """A stack on the home, as wanted; DALSTON_ENVS is where the engines' environments are."""
        shared = self.environ.get("DALSTON_ENVS")
        return stack.Options(
            home=self.home,
            environ=dict(self.environ),
            environments=Path(shared).absolute() if shared else None,
            **wanted,
        )

    def settings(self) -> Settings:
        """How to reach the servers: of the stack that runs, or as the environment names them.

        Raises:
            NotRunning: neither is the case.
        """
        try:
            return stack.settings(self.home)
        except NotRunning:
            if any(self.environ.get(name) or self.environ.get(f"{name}_FILE") for name in SERVERS):
                return Settings.from_env(self.environ)
            raise

    def ask(self, question: Callable[[Client], Awaitable[T]]) -> T:
        """Run one conversation with the API."""

        async def talk() -> T:
            async with self.client(self.address()) as client:
                return await question(client)

        return asyncio.run(talk())

    def client(self, address: str) -> Client:
        """A client of the stack at an address, with the key that was given."""
        return Client(address, self.key)

    def say(self, text: str) -> None:
        """A line for the reader, not for the pipe."""
        self.err.print(text, markup=False, soft_wrap=True)

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Rows for eyes on a terminal; tab separated and bare in a pipe."""
        if not self.out.is_terminal:
            for row in rows:
                click.echo("\t".join(row))
            return
        table = Table(*header, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*row)
        self.out.print(table, markup=False)


def explain(error: Exception) -> tuple[int, str] | None:
    """Exit code and words for an error that a user can meet; None for a fault of ours."""
    match error:
        case Unreachable() | NotRunning():
            return NO_STACK, str(error) or cure(error)
        case (
            Failed()
            | ClientError()
            | LocalError()
            | StreamsError()
            | ProjectorError()
            | BackupError()
        ):
            return FAILED, str(error) or cure(error)
        case OSError():
            return FAILED, str(error)
        case _:
            return None


def cure(error: Exception) -> str:
    """The docstring of an error, which says what to do."""
    return (type(error).__doc__ or type(error).__name__).strip()


class Commands(click.Group):
    """A group whose errors are a line or two, and whose exit code tells the truth."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what it raises into words and an exit code."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            if any(error.option_name in option.opts for option in ctx.command.params):
                error.message += f"; it goes before the command: dalston {error.option_name} …"
                error.possibilities = None
            raise
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            code, text = explain(error) or (FAILED, FAULT.format(type(error).__name__, error))
            click.secho("dalston: ", fg="red", nl=False, err=True)
            click.echo(text, err=True)
            ctx.exit(code)
