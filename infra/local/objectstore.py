"""Our S3 as a child process: a socket that we listen on, keys that only we know."""

import os
import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.local import http
from infra.local.child import Program

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Endpoint:
    """A listening socket on a free port, and the keys of what will serve it.

    The supervisor holds the socket, so the address outlives a restart, and who connects during
    one waits instead of failing.
    """

    listening: socket.socket
    access_key: str
    secret_key: str

    @property
    def url(self) -> str:
        """What clients connect to."""
        return "http://{}:{}".format(*self.listening.getsockname())

    def close(self) -> None:
        """Give the port back."""
        self.listening.close()


def listen(access_key: str, secret_key: str) -> Endpoint:
    """Open an endpoint on a free port of this machine only."""
    return Endpoint(socket.create_server(("127.0.0.1", 0), backlog=256), access_key, secret_key)


def new_keys() -> tuple[str, str]:
    """A random access key and secret key."""
    return f"DALSTON{secrets.token_hex(6).upper()}", secrets.token_urlsafe(30)


def program(
    *,
    endpoint: Endpoint,
    data: Path,
    log: Path,
    environ: Mapping[str, str],
    holds: Sequence[int] = (),
) -> Program:
    """The server of `endpoint`, with its objects in `data`."""
    data.mkdir(parents=True, exist_ok=True)
    descriptor = endpoint.listening.fileno()
    return Program(
        name="s3",
        command=[sys.executable, "-m", "infra.local.s3", str(data), "--fd", str(descriptor)],
        log=log,
        cwd=ROOT,
        env={
            "PATH": environ.get("PATH", os.defpath),
            "PYTHONPATH": str(ROOT),
            "DALSTON_S3_ACCESS_KEY": endpoint.access_key,
            "DALSTON_S3_SECRET_KEY": endpoint.secret_key,
        },
        ready=lambda: http.answers(f"{endpoint.url}/healthz"),
        holds=(descriptor, *holds),
        retry_s=5,
    )
