"""Each server's disk full while jobs run: clear answers, nothing lost, and it goes on by itself."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from infra.local import stack
from tests.echo.script import encode
from tests.faults.invariants import check
from tests.operations.conftest import Homes
from tests.operations.disks import fill, small
from tests.operations.place import SHORT, SLOW, Place

pytestmark = [pytest.mark.faults, pytest.mark.timeout(400)]

SIZES = {"valkey": "6m", "postgres": "140m", "s3": "80m", "work": "70m", "home": "330m"}
FULL_S = 3.0 if SHORT else 12.0
JOBS = 3
ANSWERS = {
    "s3": {507},
    "postgres": {200, 202, 503, 507},
    "home": {200, 202, 503, 507},
}


@pytest.mark.parametrize("server", ["s3"] if SHORT else list(SIZES))
async def test_a_full_disk_is_named_and_survived(homes: Homes, tmp_path: Path, server: str) -> None:
    first = await homes("home").up()
    await first.dalston("down")
    (first.home / "work").mkdir(exist_ok=True)
    folder = first.home if server == "home" else first.home / server
    async with small(first.home, {folder: SIZES[server]}) as place:
        await place.up()
        try:
            accepted = await place.submit(JOBS)
            filler = fill(place.seen(folder))
            statuses, more = await knock(place)
            part = "disk" if server == "home" else f"disk of {server}"
            told = await place.dalston("doctor", status=1)
            assert f"fail {part}: it is full" in told
            filler.unlink()
            assert statuses <= ANSWERS.get(server, {200, 202}), statuses
            assert await ended(place, [*accepted, *more, *await place.submit(1)])
            await asyncio.sleep(1.0)
            await check(stack.settings(place.seen(place.home)))
            told = await place.dalston("doctor", status=1)  # the disk is small, that is all
            assert {
                line.split(":")[0] for line in told.splitlines() if line.startswith("fail")
            } == {f"fail {part}"}
            await place.dalston("backup", str(tmp_path / "backup"))
            assert "whole" in await place.dalston("backup", "verify", str(tmp_path / "backup"))
        finally:
            await place.dalston("down")


async def knock(place: Place) -> tuple[set[int], list[str]]:
    """Submit again and again for FULL_S: the statuses, and the ids of what was accepted."""
    statuses, accepted = set(), []
    until = time.monotonic() + FULL_S
    async with httpx.AsyncClient(base_url=place.running().web.url, timeout=60) as client:
        while time.monotonic() < until:
            reply = await client.post("/v1/jobs", files={"file": ("a.echo", encode(SLOW))})
            statuses.add(reply.status_code)
            if reply.is_success:
                accepted.append(str(reply.json()["id"]))
            else:
                assert reply.headers["content-type"] == "application/problem+json"
            if reply.status_code == 507:
                assert "is full: make room" in reply.json()["detail"]
            await asyncio.sleep(0.2)
    return statuses, accepted


async def ended(place: Place, jobs: list[str]) -> dict[str, str]:
    """The transcripts of all that was accepted; a server may still be on its way back."""
    give_up = time.monotonic() + 200
    while True:
        try:
            return await place.ended(jobs, seconds=200)
        except Exception:
            if time.monotonic() > give_up:
                raise
            await asyncio.sleep(1.0)
