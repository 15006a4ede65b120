"""What this release adds, beside parts that do not know of it: done, or left alone, never lost."""

import asyncpg
import httpx
import pytest

from infra.client import Client
from infra.doctor.postgres import skipped
from projector import database
from projector.rebuild import rebuild
from streams.job import SCHEMA
from streams.settings import Settings
from tests.echo.script import Act
from tests.mixed.atrest import folded, nothing_is_lost
from tests.mixed.parts import STAGES, UNCLAIM, Parts
from tests.mixed.traffic import Traffic
from tests.mixed.trees import TODAY, Tree

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

RIGHT = "put right by hand"
CLAIMED = "SELECT schema FROM checkpoints WHERE name = 'fold'"
FINALIZED = "dev.dalston.segment.finalized.v1"


async def corrected(web: httpx.AsyncClient, traffic: Traffic) -> str:
    """A job that has succeeded and in which somebody put a segment right."""
    job = await traffic.submit()
    assert await traffic.ends(job) == "succeeded"
    reply = await web.put(f"/v1/jobs/{job}/segments/0", json={"text": RIGHT})
    assert reply.status_code == 200, reply.text
    assert await text(web, job) == f"{RIGHT}\n"
    assert (await text(web, job, version="original")).startswith("words of")
    return job


async def text(web: httpx.AsyncClient, job: str, **which: str) -> str:
    reply = await web.get(f"/v1/jobs/{job}/transcript", params={"format": "txt", **which})
    assert reply.status_code == 200, reply.text
    return reply.text


def but(traffic: Traffic, *jobs: str) -> None:
    """Expect the words that went in of all but these, which say something else by now."""
    traffic.accepted = [one for one in traffic.accepted if one.job not in jobs]


async def test_a_job_that_was_corrected_is_run_again_by_engines_that_know_no_corrections(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(TODAY, **dict.fromkeys(STAGES, old))
    async with Traffic(parts.url) as traffic, httpx.AsyncClient(base_url=parts.url) as web:
        job = await corrected(web, traffic)
        again = (await traffic.act(job, "retry")).json()["id"]
        assert await traffic.ends(again) == "succeeded"
        but(traffic, job)
        await nothing_is_lost(parts, traffic, settings)
        assert await text(web, again) == f"{RIGHT}\n"  # carried over, as it heard the same


@pytest.mark.long
async def test_what_was_corrected_beside_an_old_projector_is_folded_by_a_rebuild(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(TODAY, projector=old)
    async with Traffic(parts.url) as traffic, httpx.AsyncClient(base_url=parts.url) as web:
        await traffic.more(2)
        job = await corrected(web, traffic)
        but(traffic, job)
        await traffic.pause()
        await traffic.all_succeed()
        await folded(settings)
        await parts.swap("projector", TODAY)
        engine = database.engine(settings)
        (finding,) = await skipped(engine)
        assert "transcript.edited" in finding.detail
        await rebuild(settings)
        assert await skipped(engine) == []
        await engine.dispose()
        listed = {one["id"]: one for one in (await web.get("/v1/jobs")).json()["jobs"]}
        assert listed[job]["edited"] == 1
        await nothing_is_lost(parts, traffic, settings)


@pytest.mark.long
async def test_a_stack_whose_transcripts_were_corrected_is_taken_back_and_loses_no_correction(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(TODAY)
    async with Traffic(parts.url) as traffic, httpx.AsyncClient(base_url=parts.url) as web:
        job = await corrected(web, traffic)
        but(traffic, job)
        await traffic.pause()
        await folded(settings)
        connection = await asyncpg.connect(settings.postgres_dsn)
        assert await connection.fetchval(CLAIMED) == SCHEMA
        await parts.stop("projector")
        await connection.execute(UNCLAIM)
        await connection.close()
        traffic.flow()
        await parts.start("projector", old)
        for name in ("web", *STAGES):
            await parts.swap(name, old)
            await traffic.more(1)
        assert (await web.get(f"/v1/jobs/{job}")).status_code in {200, 503}
        for name in ("projector", "web", *STAGES):
            await parts.swap(name, TODAY)
        await traffic.more(1)
        await nothing_is_lost(parts, traffic, settings)
        assert await text(web, job) == f"{RIGHT}\n"
        told = await rebuild(settings)
        assert {one.name for one in told.tables if not one.same} == {"unknown_events"}


@pytest.mark.long
async def test_what_a_new_engine_hears_meanwhile_passes_through_an_old_web_and_projector(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(TODAY, projector=old, web=old)
    async with Traffic(parts.url) as traffic, Client(parts.url) as client:
        job = await traffic.submit({"transcribe": (Act(seconds=3),)})
        assert await traffic.ends(job) == "succeeded"
        told = {event.type for event in (await client.events(job)).events}
        assert FINALIZED in told
        assert job in {one.id for one in await client.jobs()}  # today's client, an old web
        assert {one.name for one in await client.engines()} == set(STAGES)
        await parts.swap("projector", TODAY)
        await rebuild(settings)
        await nothing_is_lost(parts, traffic, settings)


@pytest.mark.long
async def test_an_engine_that_knows_no_drain_goes_on_and_a_new_one_beside_it_rests(
    parts: Parts, old: Tree, settings: Settings
) -> None:
    await parts.start_all(TODAY, merge=old)
    async with Traffic(parts.url) as traffic, httpx.AsyncClient(base_url=parts.url) as web:
        for name in ("merge", "faster_whisper"):
            assert (await web.post(f"/v1/engines/{name}/drain")).status_code == 200
        await traffic.pause()
        job = await traffic.submit()
        with pytest.raises(TimeoutError):  # transcribe rests
            await traffic.ends(job, 5)
        await web.post("/v1/engines/faster_whisper/resume")
        assert await traffic.ends(job) == "succeeded"  # merge was told to rest, too
        await web.post("/v1/engines/merge/resume")
        await nothing_is_lost(parts, traffic, settings)
