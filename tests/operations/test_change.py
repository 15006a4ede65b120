"""More replicas, restarts one by one, other keys, another place: jobs go on, nothing is lost."""

import asyncio
import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from msgspec.structs import replace
from redis.exceptions import RedisError

from infra.local import stack
from streams.artifacts import Artifacts
from streams.connection import connect
from tests.faults.invariants import check
from tests.operations.conftest import Homes
from tests.operations.knocking import knocking
from tests.operations.place import Place

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.long,
]


def pids(place: Place) -> dict[str, int]:
    """Of our own processes, by name."""
    running = place.running()
    named = {"web": running.web, "projector": running.projector, **running.engines}
    return {name: part.pid for name, part in named.items() if part.pid}


async def test_replicas_come_and_go_and_all_parts_restart_while_jobs_run(homes: Homes) -> None:
    place = await homes("home").up()
    async with knocking(place.running().web.url) as client:
        await client.more(2)
        assert "faster_whisper=3" in await place.dalston("scale", "faster_whisper=3", "merge=2")
        assert {"faster_whisper-2", "faster_whisper-3", "merge-2"} <= set(pids(place))
        assert len(re.findall("ready", await place.dalston("status"))) == 3 + 1 + 1 + 6
        await client.more(4)
        before = pids(place)
        await place.dalston("restart")
        assert not set(before.values()) & set(pids(place).values())
        await client.more(4)
        await place.dalston("scale", "faster_whisper=1", "merge=0")
        assert {"faster_whisper", "audio_prepare"} == set(pids(place)) - {"web", "projector"}
        await client.more(2)
        await place.dalston("scale", "merge=1")
        await place.dalston("restart", "valkey", "postgres", "s3")
        await client.more(2)
        assert "no part 'nemo'" in await place.dalston("restart", "nemo", status=1)
        assert "no engine 'nemo'" in await place.dalston("scale", "nemo=1", status=1)
    assert set((await client.transcripts()).values()) == {"said while it moved\n"}
    await asyncio.sleep(1.0)
    events = await check(stack.settings(place.home))
    assert not [event for event in events if event.type == "stage.parked"]


async def test_without_a_stack_there_is_nothing_to_change(homes: Homes) -> None:
    await homes("home").dalston("scale", "merge=2", status=3)
    await homes("home").dalston("restart", status=3)


async def test_a_restart_changes_all_keys_and_old_ones_are_refused(homes: Homes) -> None:
    place = await homes("home").up()
    jobs = await place.submit(4)
    old = stack.settings(place.home)
    await place.dalston("down")
    await place.up()
    new = stack.settings(place.home)
    async with connect(replace_user(old.redis_url, new.redis_url), patience=0) as redis:
        with pytest.raises(RedisError, match="invalid username-password"):
            await redis.ping()
    async with Artifacts(replace(old, s3_url=new.s3_url)) as artifacts:
        with pytest.raises(ClientError, match=r"403|Forbidden"):
            await artifacts.probe()
    await place.ended(jobs)
    await check(new)


def replace_user(old: str, new: str) -> str:
    """The old user and password at the new address."""
    return old.rpartition("@")[0] + "@" + new.rpartition("@")[2]


async def test_a_home_moved_to_another_path_goes_on_where_it_was(
    homes: Homes, tmp_path: Path
) -> None:
    place = await homes("home").up()
    done = await place.submit(2)
    said = await place.ended(done)
    running = await place.submit(4)
    await place.dalston("down")
    place.home.rename(tmp_path / "elsewhere")
    moved = await homes("elsewhere").up()
    assert await moved.ended(done) == said
    await moved.ended(running)
    await asyncio.sleep(1.0)
    await check(stack.settings(moved.home))
