"""An S3 that is slow, refuses, breaks off, turns bits, loses objects: never a wrong transcript."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from tests.echo.script import Act, Script, encode
from tests.faults.conftest import Api
from tests.faults.invariants import check
from tests.faults.network import between
from tests.faults.rest import come_to_rest
from tests.faults.run import Run, running
from tests.faults.s3_proxy import Deed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(300)]
SHORT = bool(os.environ.get("DALSTON_SHORT"))
LONG = pytest.mark.long

SAYS = "every word of it"
BODY = encode(Script(says=SAYS, acts={"transcribe": (Act(seconds=0.2),)}))
PASSING: list[tuple[Deed, str, str]] = [
    ("slow down", "PUT", "/jobs/"), ("slow down", "GET", "/jobs/"),
    ("internal error", "PUT", "/jobs/"), ("internal error", "GET", "/jobs/"),
    ("cut request", "PUT", "/jobs/"),
    ("cut reply", "GET", "/jobs/"), ("cut reply", "PUT", "/jobs/"),
    ("wrong bytes", "GET", "/source"), ("wrong bytes", "GET", "/transcribe/"),
    ("vanish", "GET", "/prepare/"),
]  # fmt: skip
if SHORT:
    PASSING = [PASSING[5], PASSING[8]]


@pytest.fixture(scope="module")
async def run(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Run]:
    async with running(tmp_path_factory.mktemp("store"), engines=1, through=between) as made:
        yield made


@pytest.fixture
async def api(run: Run) -> AsyncIterator[Api]:
    run.proxies["s3"].rules.clear()
    door = Api(run.stack.running.web.url)
    yield door
    await door.client.aclose()


async def transcript(api: Api, job: str) -> str:
    answer = await api.client.get(f"/v1/jobs/{job}/transcript?format=txt")
    assert answer.status_code == 200, answer.text
    return answer.text.strip()


@pytest.mark.parametrize(("deed", "method", "within"), PASSING)
async def test_a_store_that_errs_for_a_while_only_delays(
    run: Run, api: Api, deed: Deed, method: str, within: str
) -> None:
    rule = run.proxies["s3"].spoil(deed, method, within, times=2)
    job = await api.submit(f"{deed}-{method}-{within}".replace(" ", "-"), BODY)
    view = await api.ends(job)
    assert view["status"] == "succeeded", view
    assert rule.done.is_set(), "nothing was spoilt"
    assert await transcript(api, job) == SAYS
    await come_to_rest(run)
    await check(run.settings)


@LONG
@pytest.mark.parametrize("deed", ["wrong bytes", "vanish"])
async def test_an_input_that_is_never_right_is_named_and_never_used(
    run: Run, api: Api, deed: Deed
) -> None:
    rule = run.proxies["s3"].spoil(deed, "GET", "/prepare/", times=10_000)
    job = await api.submit(f"never-{deed}".replace(" ", "-"), BODY)
    view = await api.ends(job)
    rule.times = 0
    assert view["status"] == "blocked", view
    cause = "sha256" if deed == "wrong bytes" else "is not in the store"
    assert cause in str(view["reason"]), view
    assert not view["transcript"]
    answer = await api.client.post(f"/v1/jobs/{job}/retry")
    assert answer.status_code == 200
    assert (await api.ends(job))["status"] == "succeeded"
    assert await transcript(api, job) == SAYS


@pytest.mark.parametrize(
    "deed", ["wrong bytes"] if SHORT else ["wrong bytes", "cut reply", "vanish"]
)
async def test_a_transcript_that_the_store_spoils_is_not_shown(
    run: Run, api: Api, deed: Deed
) -> None:
    job = await api.submit(f"shown-{deed}".replace(" ", "-"), BODY)
    assert (await api.ends(job))["status"] == "succeeded"
    rule = run.proxies["s3"].spoil(deed, "GET", "/merge/", times=1000)
    answer = await api.client.get(f"/v1/jobs/{job}/transcript?format=txt")
    rule.times = 0
    assert answer.status_code in {502, 503}, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert SAYS not in answer.text
    assert await transcript(api, job) == SAYS


@LONG
async def test_a_slow_store_only_delays(run: Run, api: Api) -> None:
    run.proxies["s3"].delay_s = 0.5
    try:
        jobs = await asyncio.gather(*(api.submit(body=BODY) for _ in range(3)))
        for job in jobs:
            assert (await api.ends(job))["status"] == "succeeded"
    finally:
        run.proxies["s3"].delay_s = 0.0
