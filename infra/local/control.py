"""Orders to the supervisor of a stack that runs, by a socket that only its owner can reach."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from infra.local.errors import LocalError, NotRunning
from infra.local.home import Home
from infra.local.steps import Report, Step
from streams import tasks


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is to change. scale: replicas by engine. restart: parts, one after the other."""

    scale: dict[str, int] = {}
    restart: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the answer: a step, or how it ended."""

    step: Step | None = None
    end: Literal["", "done", "failed"] = ""
    message: str = ""


Obey: TypeAlias = Callable[[Order, Report], Awaitable[None]]


@asynccontextmanager
async def listening(path: Path, obey: Obey) -> AsyncIterator[None]:
    """Take orders at a socket until the block ends; one at a time."""
    turn = asyncio.Lock()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        serving.add(task)
        try:
            order = msgspec.json.decode(await reader.readline(), type=Order)
            async with turn:
                await obey(order, lambda step: _tell(writer, Answer(step)))
            _tell(writer, Answer(end="done"))
        except (LocalError, msgspec.MsgspecError) as error:
            _tell(writer, Answer(end="failed", message=str(error)))
        finally:
            serving.discard(task)
            with suppress(OSError):  # whoever ordered it may have gone
                await writer.drain()
            writer.close()

    server = await asyncio.start_unix_server(serve, path)
    try:
        yield
    finally:
        server.close()
        await tasks.end(*serving)


async def send(home: Home, order: Order, report: Report) -> None:
    """Have an order carried out; here until it is.

    Raises:
        NotRunning: no stack runs on the home.
        LocalError: it could not be carried out; the message says why.
    """
    try:
        reader, writer = await asyncio.open_unix_connection(home.control)
    except OSError:
        raise NotRunning(f"no stack runs on {home.path}: start one with `dalston up`") from None
    try:
        writer.write(msgspec.json.encode(order) + b"\n")
        while line := await reader.readline():
            answer = msgspec.json.decode(line, type=Answer)
            if answer.step:
                report(answer.step)
            if answer.end == "done":
                return
            if answer.end == "failed":
                raise LocalError(answer.message)
    finally:
        writer.close()
    raise LocalError(f"the supervisor went away; {home.log('supervisor')} says why")


def _tell(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(msgspec.json.encode(answer) + b"\n")
