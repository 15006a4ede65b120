"""Connections that break at the worst moment: what was done is repeated without effect."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from streams.events import StageCompleted
from tests.echo.engines import witnessed
from tests.echo.script import Act, Script, encode
from tests.faults.conftest import Api
from tests.faults.invariants import check
from tests.faults.proxy import Moment, Proxy
from tests.faults.rest import come_to_rest
from tests.faults.run import Run, running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
SHORT = bool(os.environ.get("DALSTON_SHORT"))
LONG = pytest.mark.long

MARKS = {"valkey": b"EVALSHA", "postgres": b"COMMIT", "s3": b"PUT"}
MOMENTS: tuple[Moment, ...] = ("before", "after", "within")
CASES = [(server, moment) for server in MARKS for moment in MOMENTS]
if SHORT:
    CASES = [("valkey", "after"), ("postgres", "after")]
BRIEF = encode(Script(acts={"transcribe": (Act(seconds=0.5),)}))


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    """A stack that reaches each of its servers through a proxy."""
    home = tmp_path_factory.mktemp("network")
    async with running(home, engines=1, through=Proxy) as made:
        yield made


@pytest.fixture
async def api(run: Run) -> AsyncIterator[Api]:
    door = Api(run.stack.running.web.url)
    yield door
    await door.client.aclose()


async def finish(run: Run, api: Api, jobs: list[str]) -> None:
    for job in jobs:
        view = await api.ends(job)
        assert view["status"] == "succeeded", view
    await come_to_rest(run)
    events = await check(run.settings)
    done = Counter(e.job for e in events if isinstance(e.fact, StageCompleted))
    assert all(done[job] == 3 for job in jobs)


@pytest.mark.parametrize(("server", "moment"), CASES)
async def test_a_request_that_is_cut_off_is_repeated_without_effect(
    run: Run, api: Api, server: str, moment: Moment
) -> None:
    proxy: Proxy = run.proxies[server]
    jobs = []
    for number in range(3):
        cut = proxy.cut(moment, MARKS[server], times=4)
        jobs.append(await api.submit(f"{server}-{moment}-{number}", BRIEF))
        async with asyncio.timeout(60):
            await cut.done.wait()
    again = await api.submit(f"{server}-{moment}-0", BRIEF)
    assert again == jobs[0]
    await finish(run, api, jobs)


@LONG
async def test_an_attempt_whose_every_reply_is_lost_once_runs_once(run: Run, api: Api) -> None:
    cut = run.proxies["valkey"].cut("after", b"EVALSHA", times=1000)
    job = await api.submit("every", BRIEF)
    await asyncio.sleep(3)
    cut.times = 0
    await finish(run, api, [job])
    begun = Counter(s.stage for s in witnessed(run.witness) if s.job == job and s.what == "begins")
    assert begun == {"prepare": 1, "transcribe": 1, "merge": 1}


@LONG
@pytest.mark.parametrize("server", MARKS)
async def test_connections_that_fall_mute_for_ever_hold_nobody_up(
    run: Run, api: Api, server: str
) -> None:
    jobs = [await api.submit(body=BRIEF)]
    proxy: Proxy = run.proxies[server]
    proxy.freeze()
    await asyncio.sleep(1)
    proxy.forsake()
    jobs.append(await api.submit(f"mute-{server}", BRIEF))
    await finish(run, api, jobs)


@LONG
@pytest.mark.parametrize("server", MARKS)
async def test_a_server_that_is_refused_for_a_while_is_found_again(
    run: Run, api: Api, server: str
) -> None:
    jobs = [await api.submit(body=BRIEF)]
    proxy: Proxy = run.proxies[server]
    await proxy.shut()
    late = asyncio.create_task(api.submit(f"refused-{server}", BRIEF))
    await asyncio.sleep(5)
    proxy.open()
    await finish(run, api, [*jobs, await late])


@LONG
async def test_servers_that_answer_late_only_delay(run: Run, api: Api) -> None:
    for proxy in run.proxies.values():
        proxy.delay_s = 0.05
    try:
        jobs = [await api.submit(body=BRIEF) for _ in range(2)]
        await finish(run, api, jobs)
    finally:
        for proxy in run.proxies.values():
            proxy.delay_s = 0.0
