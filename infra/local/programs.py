"""Our own processes: projector, web, and one for each replica of an engine."""

import errno
import os
import socket
import sys
from collections.abc import Mapping, Sequence

from infra.local import http
from infra.local.child import Program
from infra.local.environment import ROOT
from infra.local.errors import LocalError
from infra.local.home import Home

START_S = 120.0
DRAIN_S = 30.0  # what an engine gets to hand its task back


def free_ports(count: int) -> list[int]:
    """Different ports of this machine that nobody listens on."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listening.getsockname()[1] for listening in held]
    for listening in held:
        listening.close()
    return ports


def check_free(host: str, port: int) -> None:
    """Refuse a port that somebody listens on already; 0 is always free.

    Raises:
        LocalError: it is taken, or this machine has no such address.
    """
    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        reason = "is taken" if taken else f"cannot be listened on: {error.strerror}"
        raise LocalError(f"port {port} on {host} {reason}: choose another one") from None


def projector(home: Home, env: Mapping[str, str], port: int) -> Program:
    """The projector; it prepares the database before it is ready."""
    return module("projector", home, {**env, "DALSTON_HEALTH_PORT": str(port)}, health(port))


def web(home: Home, env: Mapping[str, str], host: str, port: int, auth: str) -> Program:
    """The web process on an address of its own; its log shows no key, `dalston up` does."""
    address = {"DALSTON_WEB_HOST": host, "DALSTON_WEB_PORT": str(port)}
    asks = {"DALSTON_FIRST_KEY": "false", **({"DALSTON_AUTH": auth} if auth else {})}
    return module("web", home, {**env, **address, **asks}, web_url(host, port))


def engine(
    home: Home, env: Mapping[str, str], *, name: str, slot: int, port: int, command: Sequence[str]
) -> Program:
    """Replica `slot` of an engine, counted from 0, in the environment that its command brings."""
    replica = replica_name(name, slot)
    address = {"DALSTON_ENGINE_SLOT": str(slot), "DALSTON_HEALTH_PORT": str(port)}
    work = {"DALSTON_WORKDIR": str(home.work)}
    outside = {k: v for k, v in env.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    return Program(
        name=replica,
        command=command,
        log=home.log(replica),
        env={**work, **outside, **address},
        cwd=home.path,
        ready=lambda: http.answers(f"{health(port)}/readyz"),
        start_s=START_S,
        grace_s=DRAIN_S,
        holds=(home.descriptor,),
    )


def module(name: str, home: Home, env: Mapping[str, str], address: str) -> Program:
    """``python -m NAME`` in this process's own environment."""
    path = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH", "")]))
    command: Sequence[str] = [sys.executable, "-m", name]
    return Program(
        name=name,
        command=command,
        log=home.log(name),
        # Two arenas: threads that rest should not keep memory of their own.
        env={**env, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"},
        cwd=home.path,
        ready=lambda: http.answers(f"{address}/readyz"),
        start_s=START_S,
        holds=(home.descriptor,),
    )


def health(port: int) -> str:
    """Where a process says how it is."""
    return f"http://127.0.0.1:{port}"


def web_url(host: str, port: int) -> str:
    """Where a browser on this machine finds the web process."""
    reachable = "127.0.0.1" if host in {"", "0.0.0.0"} else host  # noqa: S104 - compared, not bound
    return f"http://{reachable}:{port}"


def replica_name(name: str, slot: int) -> str:
    """The first replica has the engine's name, others a number: "merge", "merge-2"."""
    return name if slot == 0 else f"{name}-{slot + 1}"
