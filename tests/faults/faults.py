"""What goes wrong with processes: killed, stopped for a while, told to go, their memory wiped.

Faults of networks, disks, clocks and backups are in files of their own beside this one.
"""

import asyncio
import random
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tests.faults.backups import OldPostgres, OldRedis
from tests.faults.network import NETWORK
from tests.faults.run import LEASE_S, SERVERS, Absent, Fault, Run

Victims = Callable[[Run], Sequence[str]]
SHORT_S, LONG_S = 0.3, 2.5 * LEASE_S
"""How long something is stopped: from hardly noticed to long given up."""
PROJECTORS = ("projector", "projector-2")


def engines(run: Run) -> Sequence[str]:
    """Any replica."""
    return run.engines()


def named(*names: str) -> Victims:
    """One of these."""
    return lambda _: names


def supervisor(run: Run, name: str) -> list[int]:
    """The process itself, without those that it started."""
    return [run.pid_of(name)]


def offspring(run: Run, name: str) -> list[int]:
    """What it started, without itself: the process of an engine that holds the model."""
    return run.family(name)[1:]


def everything(run: Run, name: str) -> list[int]:
    """It and all that it started."""
    return run.family(name)


@dataclass(frozen=True)
class Kill:
    """SIGKILL; whoever watches over the process starts it again."""

    name: str
    victims: Victims
    which: Callable[[Run, str], list[int]] = supervisor

    async def inject(self, run: Run, chance: random.Random) -> None:
        """Once."""
        victim = chance.choice(self.victims(run))
        run.note(f"{self.name}: {victim}", victim)
        run.send(signal.SIGKILL, self.which(run, victim))


@dataclass(frozen=True)
class Stop:
    """SIGSTOP, a while, SIGCONT: a process that is there and does not move, then goes on."""

    name: str
    victims: Victims
    which: Callable[[Run, str], list[int]] = everything
    least_s: float = SHORT_S
    most_s: float = LONG_S

    async def inject(self, run: Run, chance: random.Random) -> None:
        """Once, for up to `most_s`."""
        victim = chance.choice(self.victims(run))
        seconds = chance.uniform(self.least_s, self.most_s)
        pids = self.which(run, victim)
        run.note(f"{self.name}: {victim} for {seconds:.1f} s", victim)
        run.send(signal.SIGSTOP, pids)
        try:
            await asyncio.sleep(seconds)
        finally:
            run.send(signal.SIGCONT, pids)


@dataclass(frozen=True)
class Drain:
    """SIGTERM: an engine hands back what it has and goes; it is started again."""

    name: str = "drain"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """Once."""
        victim = chance.choice(run.engines())
        run.note(f"{self.name}: {victim}", victim)
        run.send(signal.SIGTERM, [run.pid_of(victim)])


@dataclass(frozen=True)
class Restart:
    """A server is stopped in good order, is away for a while, and comes back with its files."""

    name: str = "restart"

    async def inject(self, run: Run, chance: random.Random) -> None:
        """One server, away for up to `LONG_S`."""
        victim = chance.choice(SERVERS)
        seconds = chance.uniform(SHORT_S, LONG_S)
        async with run.alone(victim):
            run.note(f"{self.name}: {victim} is away for {seconds:.1f} s", victim)
            await run.child(victim).stop()
            await asyncio.sleep(seconds)
            await run.child(victim).start()


@dataclass(frozen=True)
class Wipe:
    """Valkey loses everything that it ever knew."""

    name: str = "wipe"

    async def inject(self, run: Run, _: random.Random) -> None:
        """Killed, its files removed, started empty."""
        async with run.alone("valkey"):
            run.note(f"{self.name}: valkey comes back empty", "valkey")
            run.send(signal.SIGKILL, [run.pid_of("valkey")])
            await run.child("valkey").stop()
            shutil.rmtree(run.servers_home / "valkey" / "appendonlydir", ignore_errors=True)
            await run.child("valkey").start()


@dataclass(frozen=True)
class LightsOut:
    """Every process of the stack dies in the same moment."""

    name: str = "lights out"

    async def inject(self, run: Run, _: random.Random) -> None:
        """Once; what watches over the processes stays."""
        run.note(f"{self.name}: all processes are killed", *run.names())
        pids = []
        for victim in run.names():
            try:
                pids.append(run.pid_of(victim))
            except Absent:
                continue
        run.send(signal.SIGKILL, pids)


ALL: Sequence[Fault] = (
    Kill("kill engine", engines),
    Kill("kill child", engines, offspring),
    Kill("kill projector", named(*PROJECTORS)),
    Kill("kill web", named("web")),
    Kill("kill valkey", named("valkey")),
    Kill("kill postgres", named("postgres")),
    Kill("kill s3", named("s3")),
    Stop("stop engine", engines, supervisor),
    Stop("stop child", engines, offspring),
    Stop("zombie", engines, everything, least_s=1.5 * LEASE_S, most_s=4 * LEASE_S),
    Stop("stop projector", named(*PROJECTORS)),
    Stop("stop web", named("web")),
    Stop("stop valkey", named("valkey")),
    Stop("stop postgres", named("postgres")),
    Stop("stop s3", named("s3")),
    Drain(),
    Restart(),
    Wipe(),
    LightsOut(),
    OldRedis(),
    OldPostgres(),
    *NETWORK,
)
FAULTS = {fault.name: fault for fault in ALL}
"""By name; all of them heal by themselves once `inject` has returned."""
REDIS_FORGETS = frozenset({"wipe", "old redis"})
POSTGRES_FORGETS = frozenset({"old postgres"})


def survivable(faults: Mapping[str, Fault], chance: random.Random) -> dict[str, Fault]:
    """Those that may strike one and the same run.

    Redis and Postgres may each forget, and what one knew the other still knows; but not both.
    """
    forgets = chance.choice((REDIS_FORGETS, POSTGRES_FORGETS))
    return {name: fault for name, fault in faults.items() if name not in forgets}
