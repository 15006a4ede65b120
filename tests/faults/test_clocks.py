"""Clocks that jump by an hour, each alone and all together: late at most, never lost or twice."""

import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from tests.echo.engines import witnessed
from tests.echo.script import Act, Script, encode
from tests.faults.clocks import Clock
from tests.faults.conftest import Api
from tests.faults.invariants import check
from tests.faults.rest import come_to_rest
from tests.faults.run import Run, running

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
SHORT = bool(os.environ.get("DALSTON_SHORT"))
LONG = pytest.mark.long

HOUR = 3600.0
WHO = ("valkey", "postgres", "s3", "web", "projector", "faster_whisper")
CASES = [("all", -HOUR)] if SHORT else [(who, by) for who in (*WHO, "all") for by in (-HOUR, HOUR)]
BODY = encode(Script(acts={"transcribe": (Act(seconds=2.0),)}))
FLAKY = encode(Script(acts={"transcribe": (Act("raise"), Act())}))


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    async with running(tmp_path_factory.mktemp("clocks"), engines=1) as made:
        yield made


@pytest.fixture(scope="module")
async def clocks(run: Run) -> dict[str, Clock]:
    """A clock for each process, which it goes by from its next start on."""
    ours = [child for child in run.stack._children() if child.program.name not in WHO[:3]]
    children = {c.program.name: c for c in (*ours, run.second, *run.servers.children.values())}
    clocks = {name: Clock(run.home / f"{name}.clock") for name in children}
    for name, child in children.items():
        clocks[name].give(child)
        run.send(signal.SIGKILL, [run.pid_of(name)])
    await come_to_rest(run)
    return clocks


@pytest.fixture
async def api(run: Run, clocks: dict[str, Clock]) -> AsyncIterator[Api]:
    door = Api(run.stack.running.web.url)
    yield door
    await door.client.aclose()


@contextmanager
def jumped(clocks: dict[str, Clock], who: str, seconds: float) -> Iterator[None]:
    """Some clocks are off, and then right again, which is a jump as well."""
    chosen = [c for name, c in clocks.items() if who in {name, "all"}]
    for clock in chosen:
        clock.jump(seconds)
    try:
        yield
    finally:
        for clock in chosen:
            clock.jump(0)


@pytest.mark.parametrize(("who", "by"), CASES)
async def test_a_clock_that_jumps_there_and_back_loses_and_doubles_nothing(
    run: Run, api: Api, clocks: dict[str, Clock], who: str, by: float
) -> None:
    jobs = [await api.submit(body=BODY), await api.submit(body=FLAKY)]
    await api.runs(jobs[0], "transcribe")
    with jumped(clocks, who, by):
        jobs.append(await api.submit(body=BODY))
        for job in jobs:
            view = await api.ends(job, seconds=60)
            assert view["status"] == "succeeded", view
        jobs.append(await api.submit(body=BODY))
        await api.runs(jobs[-1], "transcribe")
    view = await api.ends(jobs[-1], seconds=60)
    assert view["status"] == "succeeded", view
    await come_to_rest(run)
    await check(run.settings)
    ended = Counter(
        (seen.job, seen.stage) for seen in witnessed(run.witness) if seen.what == "ends"
    )
    assert all(ended[job, "transcribe"] == 1 for job in jobs), "a living engine kept its task"


@LONG
async def test_an_engine_killed_after_its_clock_went_back_takes_its_name_again(
    run: Run, api: Api, clocks: dict[str, Clock]
) -> None:
    with jumped(clocks, "all", -HOUR):
        job = await api.submit(body=BODY)
        await api.runs(job, "transcribe")
        run.send(signal.SIGKILL, [run.pid_of("faster_whisper")])
        view = await api.ends(job, seconds=60)
        assert view["status"] == "succeeded", view
