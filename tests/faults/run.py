"""A stack to hurt: its real processes by name, its servers, and the proxies before them.

The seam of all faults is `Fault`: it does harm to a `Run` and undoes it. Whoever stops, replaces or
starts a process again holds `Run.alone(name)` meanwhile, for several faults may be under way.
"""

import asyncio
import dataclasses
import math
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from infra.local import programs
from infra.local.child import Child
from infra.local.home import Home
from infra.local.options import Options
from infra.local.record import variables
from infra.local.servers import Servers
from infra.local.stack import Stack
from infra.local.steps import Report, ignore
from streams.settings import Settings
from tests.echo.engines import WITNESS
from tests.echo.stack import COMMANDS, replicas

LEASE_S = 3.0
SERVERS = ("valkey", "postgres", "s3")


class Absent(Exception):
    """The process is between two lives: choose another victim, or wait."""


@dataclass
class Harm:
    """A fault that was done: to whom, from when until when, in seconds since 1970."""

    fault: str
    at: float
    until: float = math.inf
    victims: list[str] = dataclasses.field(default_factory=list)


class Fault(Protocol):
    """Something that goes wrong, and is mended again before `inject` returns."""

    @property
    def name(self) -> str:
        """As it is asked for and told."""

    async def inject(self, run: "Run", chance: random.Random, /) -> None:
        """Do it, for as long and to whomever ``chance`` says, and undo it; tell `run.note`."""


class Proxy(Protocol):
    """Stands between our processes and one server; its faults are its own."""

    url: str


_under_way: ContextVar[Harm] = ContextVar("harm")

Through = Callable[[str, str], Any]
"""(server, its address) → an async context manager that gives the Proxy in front of it."""


class Run:
    """What a fault may touch. Use `running` to get one.

    stack: web, projector and engines. servers: Valkey, Postgres and S3, with homes of their own.
    settings: how to reach the servers directly, whatever stands before them for the others.
    proxies: by server; empty when the stack reaches the servers directly.
    """

    def __init__(self, home: Path, servers: Servers, tell: Callable[[str], None]) -> None:
        self.home = home
        self.servers = servers
        self.proxies: dict[str, Any] = {}
        self.harms: list[Harm] = []
        self.stack: Stack
        self.second: Child
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tell = tell

    @property
    def settings(self) -> Settings:
        """How to reach the servers directly."""
        return self.servers.settings

    @property
    def witness(self) -> Path:
        """Where the echo engines note what they really did."""
        return self.home / "witness"

    @property
    def servers_home(self) -> Path:
        """Where the servers keep their files: `valkey`, `postgres` and `s3`."""
        return self.home / "servers"

    async def inject(self, fault: Fault, chance: random.Random) -> None:
        """Do harm, and remember it."""
        harm = Harm(fault.name, time.time())
        token = _under_way.set(harm)
        try:
            await fault.inject(self, chance)
            self.harms.append(harm)
        finally:
            harm.until = time.time()
            _under_way.reset(token)

    def note(self, text: str, *victims: str) -> None:
        """Tell what is being done, and to which processes, for whoever reads the schedule."""
        if harm := _under_way.get(None):
            harm.victims += victims
        self._tell(text)

    def alone(self, name: str) -> asyncio.Lock:
        """The right to stop, replace and start a process."""
        return self._locks[name]

    def names(self) -> list[str]:
        """Every process: servers, web, projectors, replicas of engines."""
        return [*self.servers.children, "web", "projector", "projector-2", *self.engines()]

    def engines(self) -> list[str]:
        """The replicas of engines."""
        return list(self.stack.running.engines)

    def child(self, name: str) -> Child:
        """A server or the second projector, which may be stopped and started."""
        return self.second if name == "projector-2" else self.servers.children[name]

    def pid_of(self, name: str) -> int:
        """The process of that name now.

        Raises:
            Absent: there is none at the moment.
        """
        running = self.stack.running
        ours = {"web": running.web, "projector": running.projector, **running.engines}
        pid = ours[name].pid if name in ours else self.child(name).pid
        if pid is None or not Path(f"/proc/{pid}").exists():
            raise Absent(f"{name} is between two lives")
        return pid

    def family(self, name: str) -> list[int]:
        """The process of that name and all that descend from it."""
        found = [self.pid_of(name)]
        for parent in found:
            for children in Path(f"/proc/{parent}/task").glob("*/children"):
                with suppress(OSError):
                    found += (int(child) for child in children.read_text().split())
        return found

    def send(self, number: signal.Signals, pids: Sequence[int]) -> None:
        """A signal to processes of this run, as far as they still live."""
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@asynccontextmanager
async def running(
    home: Path,
    *,
    engines: Mapping[str, int] | int = 2,
    environ: Mapping[str, str] | None = None,
    through: Through | None = None,
    tell: Callable[[str], None] = lambda _: None,
    report: Report = ignore,
) -> AsyncIterator[Run]:
    """A whole stack of echo engines with two projectors, its servers beside it, until the end."""
    own = {**os.environ, "DALSTON_LEASE_S": str(LEASE_S), **(environ or {})}
    place = Home(home / "servers")
    await place.acquire()
    servers = Servers(place, Options(home=place.path, environ=own), report)
    run = Run(home, servers, tell)
    try:
        await servers.start()
        async with _proxies(run, through), _ours(run, own, engines, report):
            yield run
    finally:
        await servers.stop()
        place.release()


@asynccontextmanager
async def _proxies(run: Run, through: Through | None) -> AsyncIterator[None]:
    addresses = dict(zip(SERVERS, addresses_of(run.settings), strict=True))
    if through is None:
        yield
        return
    async with (
        through("valkey", addresses["valkey"]) as run.proxies["valkey"],
        through("postgres", addresses["postgres"]) as run.proxies["postgres"],
        through("s3", addresses["s3"]) as run.proxies["s3"],
    ):
        yield


@asynccontextmanager
async def _ours(
    run: Run, own: Mapping[str, str], engines: Mapping[str, int] | int, report: Report
) -> AsyncIterator[None]:
    reached = list(addresses_of(run.settings))
    if run.proxies:
        reached = [run.proxies[name].url for name in SERVERS]
    environ = {**own, **variables(run.settings), WITNESS: str(run.witness)}
    environ |= {"DALSTON_REDIS_URL": "", "DALSTON_POSTGRES_DSN": "", "DALSTON_S3_URL": ""}
    valkey, postgres, s3 = reached
    options = Options(
        home=run.home / "stack", environ=environ, engines=replicas(engines), commands=COMMANDS,
        valkey=valkey, postgres=postgres, s3=s3,
    )  # fmt: skip
    async with Stack(options, report) as run.stack:
        run.second = _second_projector(run, environ, report)
        await run.second.start()
        try:
            yield
        finally:
            await run.second.stop()


def _second_projector(run: Run, environ: Mapping[str, str], report: Report) -> Child:
    """Another projector on the same servers: any number may run."""
    env = {**environ, **variables(run.stack.settings), "DALSTON_HOME": str(run.stack.home.path)}
    [port] = programs.free_ports(1)
    program = programs.projector(run.stack.home, env, port)
    log = run.stack.home.log("projector-2")
    return Child(dataclasses.replace(program, name="projector-2", log=log), report)


def addresses_of(settings: Settings) -> tuple[str, str, str]:
    """Where Valkey, Postgres and S3 are."""
    return settings.redis_url, settings.postgres_dsn, settings.s3_url
