"""What is confirmed: nothing that no replica has, and nothing twice."""

import asyncio
from pathlib import Path

import pytest

from infra.local import valkey as local_valkey
from infra.local.child import Child
from infra.local.home import discard, socket_directory
from infra.local.programs import free_ports
from streams import decide
from streams.barrier import Confirmed
from streams.commit import Ledger
from streams.connection import connect
from streams.errors import NotReplicated
from streams.events import JobRequest
from streams.keys import Keys
from streams.log import Head, Log
from tests.streams.story import AUDIO, SOLO


async def submit(ledger: Ledger) -> None:
    await ledger.transition(
        "j",
        lambda job, now: decide.submit(
            job, job_id="j", tenant="t", request=JobRequest(), source=AUDIO, filename="a",
            plan=SOLO, now=now,
        ),
        tenant="t",
    )  # fmt: skip


async def until_confirmed(ledger: Ledger) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                return await submit(ledger)
            except NotReplicated:
                await asyncio.sleep(0.1)


async def test_a_commit_is_told_once_a_replica_has_it_and_so_is_its_repetition(
    tmp_path: Path,
) -> None:
    places = [socket_directory() for _ in range(2)]
    primary, replica = (
        Child(
            local_valkey.program(
                data=tmp_path / str(n), run=run, log=tmp_path / f"{n}.log", environ={}
            )
        )
        for n, run in enumerate(places)
    )
    await primary.start()
    await replica.start()
    redis, other = (connect(local_valkey.url(run), patience=0.5) for run in places)
    keys = Keys("ha")
    await Log(redis, keys).create(Head(0, "", 1))
    ledger = Ledger(Confirmed(redis, keys), keys)
    try:
        with pytest.raises(NotReplicated):
            await submit(ledger)
        with pytest.raises(NotReplicated):  # it is done, but nobody else has it
            await submit(ledger)
        [port] = free_ports(1)
        await redis.config_set("port", port)
        await other.execute_command("REPLICAOF", "127.0.0.1", port)  # type: ignore[no-untyped-call]
        await until_confirmed(ledger)
        assert await other.exists(keys.job("j"))
        with pytest.raises(NotReplicated, match="read only"):
            await submit(Ledger(Confirmed(other, keys), keys))
    finally:
        for client in (redis, other):
            await client.aclose()
        for child, run in zip((replica, primary), places, strict=True):
            await child.stop()
            discard(run)
