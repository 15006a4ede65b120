"""Profile `ha`: a replica is promoted while the old primary, cut off, still has its writers."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import pytest

from tests.echo.script import Act, Script, encode
from tests.faults.conftest import Api
from tests.faults.evidence import servers
from tests.faults.invariants import check
from tests.faults.partition import Pair, paired
from tests.faults.proxy import Proxy
from tests.faults.rest import come_to_rest
from tests.faults.run import Run, running

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(300),
    pytest.mark.long,
]

BRIEF = encode(Script(acts={"transcribe": (Act(seconds=0.3),)}))
LONG = encode(Script(acts={"transcribe": (Act(seconds=20.0),)}))


@dataclass
class World:
    """A stack in profile `ha` behind a front, and the pair behind the front."""

    run: Run
    pair: Pair
    api: Api

    async def move_clients(self) -> None:
        """The front points to the promoted replica: what DNS or a virtual address does."""
        front: Proxy = self.run.proxies["valkey"]
        await front.shut()
        front.point(self.pair.replica_url)
        front.open()


@pytest.fixture
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    home = tmp_path_factory.mktemp("ha")
    async with (
        running(home, engines=1, environ={"DALSTON_PROFILE": "ha"}, through=Proxy) as run,
        paired(run.settings.redis_url, home) as pair,
    ):
        api = Api(run.stack.running.web.url)
        yield World(run, pair, api)
        await api.client.aclose()


async def ends(api: Api, jobs: Sequence[str]) -> None:
    for job in jobs:
        view = await api.ends(job)
        assert view["status"] == "succeeded", view


async def test_a_replica_promoted_during_a_partition_has_all_that_was_acknowledged(
    world: World,
) -> None:
    api, pair, run = world.api, world.pair, world.run
    done = [await api.submit(f"before-{n}", BRIEF) for n in range(3)]
    await ends(api, done)
    stopped = await api.submit("stopped", LONG)
    await api.runs(stopped, "transcribe")
    assert (await api.client.post(f"/v1/jobs/{stopped}/cancel")).status_code == 200

    pair.link.cut()
    late = [await api.submit(f"cut-off-{n}", BRIEF) for n in range(3)]
    refused = await api.client.post(f"/v1/jobs/{late[-1]}/cancel")
    assert refused.status_code == 503, "nobody confirmed it, so nobody is told that it is done"
    await asyncio.sleep(4)
    archived = (await servers(run.settings)).events

    await pair.promote()
    await world.move_clients()
    pair.link.mend()
    await pair.rejoin()
    await ends(api, [*done, *late[:-1]])
    assert (await api.ends(late[-1]))["status"] in {"succeeded", "cancelled"}
    assert (await api.view(stopped))["status"] == "cancelled"
    await come_to_rest(run)
    events = await check(run.settings)
    assert [e.id for e in events[: len(archived)]] == [e.id for e in archived]
    assert {e.epoch for e in events} == {1}, "all that was archived had reached the replica"
