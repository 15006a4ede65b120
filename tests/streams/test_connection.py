import asyncio
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from redis import exceptions as errors
from redis.asyncio import Redis

from streams import connection
from streams.connection import connect
from tests.streams.conftest import Server


def kill(server: Server, with_signal: signal.Signals = signal.SIGKILL) -> None:
    assert server.child.pid is not None
    os.kill(server.child.pid, with_signal)


async def test_replies_are_bytes_and_the_protocol_is_resp2(redis: Redis) -> None:
    assert await redis.set("greeting", "héllo") is True
    assert await redis.getdel("greeting") == "héllo".encode()
    assert redis.connection_pool.connection_kwargs["protocol"] == 2


async def test_a_restart_is_waited_out_by_a_connection_that_was_open(
    own_valkey: Server, own_redis: Redis
) -> None:
    await own_redis.set("kept", "1")
    kill(own_valkey)
    assert await own_redis.get("kept") == b"1"


async def test_a_restart_is_waited_out_by_a_first_connection(own_valkey: Server) -> None:
    kill(own_valkey)
    async with connect(own_valkey.url) as client:
        assert await client.ping()


async def test_a_restart_is_waited_out_by_a_pipeline_and_by_a_blocking_read(
    own_valkey: Server, own_redis: Redis
) -> None:
    pipe = own_redis.pipeline()
    pipe.set("a", "1")
    pipe.get("a")

    async def read() -> Any:
        return await own_redis.xread({"stream": "$"}, block=3000)

    reading = asyncio.create_task(read())
    await asyncio.sleep(0.1)
    kill(own_valkey)
    assert (await pipe.execute())[1] == b"1"
    async with asyncio.timeout(10):
        while not reading.done():
            await own_redis.xadd("stream", {"n": "1"})
            await asyncio.sleep(0.1)
    assert reading.result()


@pytest.mark.parametrize("patience", [0.0, 0.5])
async def test_a_server_that_stays_away_is_given_up_in_time(
    tmp_path: Path, patience: float
) -> None:
    began = time.monotonic()
    async with connect(f"unix://{tmp_path}/nobody.sock", patience=patience) as client:
        with pytest.raises(errors.ConnectionError):
            await client.ping()
    assert time.monotonic() - began < patience + 0.5


async def test_patience_is_not_multiplied_by_the_connections_own(
    own_valkey: Server, own_redis: Redis
) -> None:
    async with connect(own_valkey.url, patience=1) as client:
        await client.ping()
        await own_valkey.child.stop()
        began = time.monotonic()
        with pytest.raises(errors.ConnectionError):
            await client.ping()
        assert time.monotonic() - began < 3


async def test_a_wrong_password_is_no_absence(own_valkey: Server, own_redis: Redis) -> None:
    await own_redis.config_set("requirepass", "secret")
    began = time.monotonic()
    async with connect(own_valkey.url.replace("unix://", "unix://:wrong@")) as client:
        with pytest.raises(errors.ConnectionError, match="invalid username-password"):
            await client.ping()
    async with connect(own_valkey.url.replace("unix://", "unix://:secret@")) as client:
        assert await client.ping()
    assert time.monotonic() - began < 2


async def test_a_server_that_stalls_is_taken_for_dead_and_tried_again(
    own_valkey: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "SOCKET_TIMEOUT_S", 0.3)
    async with connect(own_valkey.url) as client:
        await client.set("kept", "1")
        kill(own_valkey, signal.SIGSTOP)
        asyncio.get_running_loop().call_later(1, kill, own_valkey, signal.SIGCONT)
        assert await client.get("kept") == b"1"


async def test_more_callers_than_connections_wait_for_their_turn(own_valkey: Server) -> None:
    async with connect(own_valkey.url, connections=4) as client:
        sleepers = [client.xread({"nothing": "$"}, block=50) for _ in range(20)]
        assert not any(await asyncio.gather(*sleepers))
        clients = await client.client_list()
        assert len(clients) <= 4


async def test_a_cancelled_caller_leaves_no_reply_for_the_next(redis: Redis) -> None:
    chance = random.Random(7)

    async def echo(text: str) -> None:
        assert await redis.echo(text) == text.encode()

    for turn in range(60):
        callers = [asyncio.create_task(echo(f"{turn}-{n}")) for n in range(20)]
        await asyncio.sleep(chance.random() * 0.004)
        for caller in callers[::2]:
            caller.cancel()
        done = await asyncio.gather(*callers, return_exceptions=True)
        assert not [e for e in done if e and not isinstance(e, asyncio.CancelledError)]
    async with asyncio.timeout(10):
        await asyncio.gather(*(echo(str(n)) for n in range(200)))


async def test_a_cancelled_blocking_read_gives_its_connection_back(own_valkey: Server) -> None:
    async with connect(own_valkey.url, connections=2) as client:
        for _ in range(10):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await client.xread({"nothing": "$"}, block=5000)
        async with asyncio.timeout(2):
            await asyncio.gather(client.ping(), client.ping())


async def test_messages_arrive_across_a_restart(own_valkey: Server, own_redis: Redis) -> None:
    async with own_redis.pubsub() as channel:
        await channel.subscribe("news")
        kill(own_valkey)
        async with asyncio.timeout(15):
            while True:
                await own_redis.publish("news", "1")
                message = await channel.get_message(ignore_subscribe_messages=True, timeout=0.1)
                if message:
                    break
        assert message["data"] == b"1"
