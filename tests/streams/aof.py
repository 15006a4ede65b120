"""A server's append-only file, cut and spoilt byte by byte, and what a restart makes of it."""

import asyncio
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local import valkey as local_valkey
from infra.local.once import tied
from streams.commit import Ledger, Write
from streams.connection import connect
from streams.events import Event, StageReady
from streams.keys import Keys
from streams.log import Head, Log
from streams.work import Queue
from tests.streams.audit import view
from tests.streams.story import AHEAD, Story

KEYS = Keys("aof")
State = dict[str, Any]
START_S = 30.0


class Refused(Exception):
    """The server did not start; the message is the end of what it said."""


@dataclass(frozen=True)
class Files:
    """A data directory; ``incr`` is the file that commits are appended to."""

    data: Path
    run: Path
    environ: Mapping[str, str]

    @property
    def incr(self) -> Path:
        (found,) = (self.data / "appendonlydir").glob("*.incr.aof")
        return found

    @property
    def url(self) -> str:
        return local_valkey.url(self.run)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        """A server on these files for a while, killed at the end.

        Raises:
            Refused: it does not start on them.
        """
        log = self.data.parent / "server.log"
        program = local_valkey.program(data=self.data, run=self.run, log=log, environ=self.environ)
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *tied(program.command, signal.SIGKILL, ()), stdout=output, stderr=output
            )
        try:
            async with asyncio.timeout(START_S):
                while not await program.ready():
                    if process.returncode is not None:
                        raise Refused(log.read_text(errors="replace")[-600:])
                    await asyncio.sleep(0.003)
            yield
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            (self.run / "valkey.sock").unlink(missing_ok=True)

    async def state(self) -> State:
        """What a server finds in them."""
        async with self.serve(), connect(self.url, patience=1) as redis:
            return await view(redis, KEYS)


@dataclass(frozen=True)
class Last:
    """Files whose last transaction is a commit that touches every kind of key, twice."""

    files: Files
    raw: bytes
    start: int
    before: State
    after: State
    write: Write

    @property
    def cuts(self) -> range:
        """Where the file can end within the transaction: after none of its bytes, or any."""
        return range(self.start, len(self.raw))

    async def restart(self, raw: bytes) -> str:
        """What a restart finds when the file holds this.

        ``before`` or ``after`` the last commit; otherwise ``refused``, or which keys differ from
        those after it.
        """
        self.files.incr.write_bytes(raw)
        try:
            found = await self.files.state()
        except Refused:
            return "refused"
        if found == self.before:
            return "before"
        wrong = [key for key in {*found, *self.after} if found.get(key) != self.after.get(key)]
        return " ".join(sorted(wrong)) or "after"


def ready(rev: int, engine: str) -> Event:
    """A task of job j, its n-th event."""
    fact = StageReady(stage=f"s{rev}", token=1, engine=engine, cost=3.0)
    return Event(
        id=f"e{rev}", type="stage.ready", time=AHEAD, job="j", rev=rev, tenant="t", fact=fact
    )


async def last(files: Files) -> Last:
    """Run a server for a few commits: one task is taken, and settled by the last."""
    async with files.serve(), connect(files.url) as redis:
        await Log(redis, KEYS).create(Head(0, "", 1))
        ledger = Ledger(redis, KEYS)
        for engine in ("a", "b"):
            await Queue(redis, ledger, engine).create()
        for rev in range(1, 6):
            write = Write(job_id="j", rev=rev - 1, state=Story().job, events=(ready(rev, "a"),))
            await ledger._send(write)
        ticket = await Queue(redis, ledger, "a").take("o", block_ms=50)
        assert ticket is not None
        start, before = files.incr.stat().st_size, await view(redis, KEYS)
        events = (*(ready(rev, "a") for rev in (6, 7)), *(ready(rev, "b") for rev in (8, 9, 10)))
        write = Write(
            job_id="j",
            rev=5,
            state=Story().job,
            events=events,
            settled=(ticket,),
            engines=("a", "b"),
        )
        await ledger._send(write)
        after = await view(redis, KEYS)
    raw = files.incr.read_bytes()
    changed = {key.split(":")[2] for key in after if after[key] != before.get(key)}
    assert changed == {"log", "head", "job", "queue", "backlog", "fair"}
    return Last(files, raw, start, before, after, write)
