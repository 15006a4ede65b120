"""Readers of the live log that read nothing: they are cut off, with all that they hold here."""

import asyncio
import secrets
import socket
import time

from streams.events import EngineRegistered
from tests.web.conftest import Served, until
from tests.web.driver import Driver
from tests.web.keyed import bearer, key, keyed
from web.settings import WebSettings

HANDSHAKE = (
    "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: ZGFsc3RvbiBsb2FkIHRlcw==\r\nSec-WebSocket-Version: 13\r\n{}\r\n"
)


async def deaf(served: Served, headers: str = "") -> socket.socket:
    """A socket on the log that reads nothing: the kernel has little room for it."""
    loop, plug = asyncio.get_running_loop(), socket.socket()
    plug.setblocking(False)
    plug.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plug.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
    await loop.sock_connect(plug, ("127.0.0.1", int(served.url.rpartition(":")[2])))
    await loop.sock_sendall(plug, HANDSHAKE.format(headers).encode())
    await until(lambda: served.web.hub.readers == 1)
    return plug


async def flood(driver: Driver) -> None:
    """More than all buffers hold."""
    bulky = EngineRegistered(
        engine="e", stage="s", engine_version="1", replica="e@h-0",
        models=(secrets.token_hex(7_500),),
    )  # fmt: skip
    for _ in range(100):
        await driver.ledger.append("e@h-0", bulky)


async def test_a_reader_that_reads_nothing_and_answers_no_ping_is_cut_off(
    served: Served, driver: Driver
) -> None:
    served.server.config.ws_ping_interval = served.server.config.ws_ping_timeout = 1.0
    with await deaf(served):
        await flood(driver)
        await until(lambda: served.web.hub.readers == 0, 10)
        await until(lambda: not served.server.server_state.tasks, 10)


async def test_a_revoked_key_ends_the_socket_of_a_reader_that_reads_nothing(
    web_settings: WebSettings, projector: None, driver: Driver
) -> None:
    async with keyed(web_settings) as served:
        await until(lambda: served.web.hub.live)
        secret, made = await key(served)
        admin, _ = await key(served, "acme", "admin")
        held = f"Authorization: {bearer(secret)['Authorization']}\r\n"
        with await deaf(served, held):
            await flood(driver)
            began = time.monotonic()
            await served.client.delete(f"/v1/keys/{made.id}", headers=bearer(admin))
            await until(lambda: served.web.hub.readers == 0, 10)
            assert time.monotonic() - began < 5
            await until(lambda: not served.server.server_state.tasks, 10)
