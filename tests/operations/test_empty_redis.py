"""Redis empty: with everything running, and with no projector, only the command at hand."""

import asyncio
import subprocess

import pytest

from infra.local.record import variables
from streams.connection import connect
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings
from tests.operations.knocking import knocking
from tests.operations.parts import Parts
from tests.operations.place import DALSTON, ROOT
from tests.operations.rest import at_rest

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(900),
    pytest.mark.long,
]


async def flush(settings: Settings) -> None:
    """All that this stack has in Redis is gone; the server has others', too."""
    async with connect(settings.redis_url) as redis:
        names = [name async for name in redis.scan_iter(f"{settings.key_prefix}:*", count=1000)]
        await redis.delete(*names)


async def epoch(settings: Settings) -> int:
    """The log's, 0 without a log."""
    async with connect(settings.redis_url) as redis:
        head = await Log(redis, Keys(settings.key_prefix)).head()
        return head.epoch if head else 0


async def test_emptied_under_load_it_is_made_anew_and_all_that_was_accepted_ends(
    parts: Parts, settings: Settings
) -> None:
    async with knocking(parts.url) as client:
        await client.more(4)
        await flush(settings)
        async with asyncio.timeout(30):
            while await epoch(settings) != 2:
                await asyncio.sleep(0.05)
        await client.more(4)
    assert set(client.statuses) <= {202, 503}
    assert set((await client.transcripts()).values()) == {"said while it moved\n"}
    await at_rest(settings)


async def test_emptied_while_no_projector_runs_it_is_recovered_by_hand(
    parts: Parts, settings: Settings
) -> None:
    async with knocking(parts.url) as client:
        await client.more(4)
        await parts.stop("projector")
        await flush(settings)
        await client.more(2)  # a row in Postgres is enough
        recovered = await asyncio.to_thread(
            subprocess.run,
            [*DALSTON, "recover", "--yes"],
            cwd=ROOT,
            env={"PATH": "/usr/bin:/bin", **variables(settings), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert recovered.returncode == 0, recovered.stderr
        assert "epoch 2 goes on after event" in recovered.stdout
        await client.more(2)
        await parts.start(settings, "projector")
        await client.more(2)
    assert set((await client.transcripts()).values()) == {"said while it moved\n"}
    await at_rest(settings)
