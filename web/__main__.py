"""`python -m web`: the composition root. Stops cleanly on SIGTERM."""

import gc
import logging
import os
import signal
import socket
import sys

import uvicorn

from streams.errors import InvalidSetting
from streams.settings import read
from web.app import build
from web.settings import WebSettings, wants_keys
from web.sockets import SocketProtocol

GRACE_S = 5


class Server(uvicorn.Server):
    """uvicorn, which ends the live streams first: else it would wait for them."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: readers are told to come back, requests under way may finish."""
        web = getattr(self.config.app.state, "web", None)  # type: ignore[union-attr]
        if web is not None:
            web.hub.close()
        await super().shutdown(sockets)


def configured(settings: WebSettings) -> uvicorn.Config:
    """How the application is served."""
    return uvicorn.Config(
        build(settings),
        host=settings.web_host,
        port=settings.web_port,
        loop="uvloop",
        http="httptools",
        ws=SocketProtocol,
        ws_max_size=4096,
        # Compression costs a third of a megabyte a socket, and events are small.
        ws_per_message_deflate=False,
        ws_ping_interval=20.0,
        ws_ping_timeout=20.0,
        lifespan="on",
        log_level=settings.log_level,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_S,
    )


def main() -> int:
    """Serve until a signal comes."""
    try:
        settings = read(WebSettings, os.environ)
        wants_keys(settings)
    except InvalidSetting as error:
        sys.stderr.write(f"{error}\n")
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # uvicorn raises the signal that stopped it once more; that is not to be the exit status.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server = Server(configured(settings))
    gc.freeze()  # what was imported stays: no collection need look at it again while sockets wait
    server.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
