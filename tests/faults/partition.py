"""Two servers of Redis and the network between them, which can be cut: the `ha` profile's world.

Where we may, the replica lives in a network namespace of its own, and a cut is a link that swallows
all. Elsewhere a proxy stands between the two and falls mute. Their sockets in the file system are
reached either way, as by clients on both sides.
"""

import itertools
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from infra.local import valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from infra.local.programs import free_ports
from streams.connection import connect
from tests.faults.proxy import Proxy

IP = shutil.which("ip") or "/usr/sbin/ip"
_numbers = itertools.count(os.getpid() % 200 + 20)


class Link(Protocol):
    """What lies between the two: where each finds the other, and how to cut it."""

    @property
    def prefix(self) -> Sequence[str]:
        """What goes before the replica's command."""

    @property
    def primary(self) -> tuple[str, int]:
        """Where the replica finds the primary."""

    @property
    def replica(self) -> tuple[str, int]:
        """Where the old primary finds the replica, once that is one."""

    def cut(self) -> None:
        """From now on nothing passes, and nobody is told."""

    def mend(self) -> None:
        """It passes again."""


@dataclass
class Wire:
    """A pair of virtual network cards, one of them in a namespace."""

    name: str
    prefix: Sequence[str]
    primary: tuple[str, int]
    replica: tuple[str, int]

    def cut(self) -> None:
        """The card goes dead."""
        ip("link", "set", self.name, "down")

    def mend(self) -> None:
        """And up again."""
        ip("link", "set", self.name, "up")


@dataclass
class Through:
    """A proxy before the primary."""

    proxy: Proxy
    replica: tuple[str, int]
    prefix: Sequence[str] = ()

    @property
    def primary(self) -> tuple[str, int]:
        """Where the replica finds it."""
        return "127.0.0.1", int(self.proxy.url.rpartition(":")[2])

    def cut(self) -> None:
        """Nothing moves."""
        self.proxy.freeze()

    def mend(self) -> None:
        """All moves."""
        self.proxy.thaw()


@dataclass
class Pair:
    """A primary that was there, its replica, and the link between them; clients by socket."""

    link: Link
    primary: Any
    replica: Any
    replica_url: str

    async def promote(self) -> None:
        """The replica becomes a primary of its own."""
        await self.replica.execute_command("REPLICAOF", "NO", "ONE")

    async def rejoin(self) -> None:
        """The old primary becomes the new one's replica; what only it had is gone."""
        await self.primary.execute_command("REPLICAOF", *self.link.replica)


@asynccontextmanager
async def paired(primary_url: str, home: Path, *, lag_s: int = 3) -> AsyncIterator[Pair]:
    """Give a running primary a replica, and have it refuse writes without one."""
    primary: Any = connect(primary_url)
    port, own = free_ports(2)
    run = socket_directory()
    async with linked(port, own) as link:
        await primary.config_set("protected-mode", "no")
        await primary.config_set("bind", "* -::*")
        await primary.config_set("port", port)
        program = valkey.program(
            data=home / "replica", run=run, log=home / "replica.log", environ={}
        )
        arguments = ("--port", str(own), "--bind", "*", "--protected-mode", "no")
        child = Child(replace(program, command=[*link.prefix, *program.command, *arguments]))
        await child.start()
        replica: Any = connect(valkey.url(run))
        try:
            await _introduce(primary, replica, link, lag_s)
            yield Pair(link, primary, replica, valkey.url(run))
        finally:
            await replica.aclose()
            await primary.aclose()
            await child.stop()
            discard(run)


async def _introduce(primary: Any, replica: Any, link: Link, lag_s: int) -> None:
    login = primary.connection_pool.connection_kwargs
    if login.get("password"):
        await replica.config_set("masteruser", login["username"])
        await replica.config_set("masterauth", login["password"])
    for line in await primary.execute_command("ACL", "LIST"):
        _, user, *rights = line.decode().split(" ")
        if user != "default":  # clients log in to either as to the other
            await replica.execute_command("ACL", "SETUSER", user, *rights)
    for server in (primary, replica):
        await server.config_set("repl-timeout", 5)
        await server.config_set("repl-ping-replica-period", 1)
        await server.config_set("min-replicas-max-lag", lag_s)
        await server.config_set("min-replicas-to-write", 1)
    await replica.execute_command("REPLICAOF", *link.primary)


@asynccontextmanager
async def linked(primary_port: int, replica_port: int) -> AsyncIterator[Link]:
    """A link with the primary's port on its one side and the replica's on the other."""
    with namespace(primary_port, replica_port) as wire:
        if wire is not None:
            yield wire
            return
    async with Proxy("valkey", f"redis://127.0.0.1:{primary_port}") as proxy:
        yield Through(proxy, ("127.0.0.1", replica_port))


@contextmanager
def namespace(primary_port: int, replica_port: int) -> Iterator[Wire | None]:
    """A network namespace and a wire into it; None where we may not make one."""
    number = next(_numbers) % 250
    name = f"dalston{number}"
    here, there = f"10.213.{number}.1", f"10.213.{number}.2"
    try:
        ip("netns", "add", name)
    except (subprocess.CalledProcessError, OSError):
        yield None
        return
    try:
        ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("addr", "add", f"{here}/24", "dev", name)
        ip("link", "set", name, "up")
        ip("-n", name, "addr", "add", f"{there}/24", "dev", "eth0")
        ip("-n", name, "link", "set", "eth0", "up")
        ip("-n", name, "link", "set", "lo", "up")
        prefix = (IP, "netns", "exec", name)
        yield Wire(name, prefix, (here, primary_port), (there, replica_port))
    finally:
        ip("netns", "del", name)


def ip(*words: str) -> None:
    """One command of iproute2."""
    subprocess.run([IP, *words], check=True, capture_output=True)
