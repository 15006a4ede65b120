"""What a stack consists of on this machine, and what of it is still there afterwards."""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.home import is_alive
from infra.local.record import Running


@dataclass(frozen=True)
class Parts:
    """Processes (id → command), addresses that are listened on, the directory of sockets."""

    processes: dict[int, str]
    addresses: tuple[str, ...]
    sockets: Path | None


NOTHING = Parts({}, (), None)


def of(running: Running, home: Path) -> Parts:
    """Everything of a stack that this process supervises, its children's children too."""
    engines = running.engines.values()
    parts = (running.valkey, running.postgres, running.s3, running.projector, running.web)
    known = {part.pid: "" for part in (*parts, *engines) if part.pid}
    note = home / "run"
    return Parts(
        processes={pid: command(pid) for pid in known | descendants(os.getpid())},
        addresses=(running.web.url, running.projector.health, *(e.health for e in engines)),
        sockets=Path(note.read_text()) if note.exists() else None,
    )


def left(parts: Parts) -> list[str]:
    """What is still there of it, in words."""
    processes = [
        f"process {pid} ({name})"
        for pid, name in parts.processes.items()
        if is_alive(pid) and command(pid) == name  # a number may have been given away again
    ]
    open_ports = [f"an open port: {address}" for address in parts.addresses if listens(address)]
    sockets = [f"sockets in {parts.sockets}"] if parts.sockets and parts.sockets.exists() else []
    return processes + open_ports + sockets


def descendants(pid: int) -> dict[int, str]:
    """The children of a process and theirs, where the system shows them."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    found: dict[int, str] = {}
    queue = list(children.get(pid, ()))
    while queue:
        child = queue.pop()
        found[child] = ""
        queue.extend(children.get(child, ()))
    return found


def command(pid: int) -> str:
    """The command line of a process; empty when it cannot be seen."""
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b" ".join(words[:3]).decode(errors="replace").strip()
    return ""


def listens(address: str) -> bool:
    """Whether somebody takes connections there."""
    parts = urlsplit(address)
    with suppress(OSError), socket.create_connection((parts.hostname, parts.port or 80), 0.2):
        return True
    return False
