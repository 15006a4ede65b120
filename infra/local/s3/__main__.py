"""``python -m infra.local.s3 DIRECTORY (--fd N | --host H --port N)``: serve a directory as S3.

The keys come from DALSTON_S3_ACCESS_KEY and DALSTON_S3_SECRET_KEY, or from the files that the same
names with _FILE give.
"""

import argparse
import logging
import os
import socket
from pathlib import Path

import uvicorn

from infra.local.s3.app import App
from infra.local.s3.signature import Keys
from infra.local.s3.store import Store
from streams.settings import Settings


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(description="Serve a directory as S3.")
    parser.add_argument("directory", type=Path)
    parser.add_argument("--fd", type=int, help="a listening socket that the parent opened")
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    arguments = parser.parse_args()
    found = Settings.from_env(os.environ)
    access, secret = found.s3_access_key, found.s3_secret_key
    if not access or not secret:
        parser.error("set DALSTON_S3_ACCESS_KEY and DALSTON_S3_SECRET_KEY")
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(message)s")
    store = Store(arguments.directory)
    store.prepare()
    serve(App(store, Keys(access, secret)), listen(arguments))


def listen(arguments: argparse.Namespace) -> socket.socket:
    """The socket handed down, or a new one."""
    if arguments.fd is not None:
        return socket.socket(fileno=arguments.fd)
    return socket.create_server((arguments.host, arguments.port))


def serve(app: App, listening: socket.socket) -> None:
    """Run the server with as little around it as it needs."""
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    logging.info("serving on %s:%d", *listening.getsockname())
    uvicorn.Server(config).run(sockets=[listening])


main()
