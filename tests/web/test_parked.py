"""What is parked: shown page by page, let go on one by one or all at once, or tried otherwise."""

import asyncio

from streams.commit import Ledger
from streams.job import SCHEMA
from tests.web.conftest import Served, post, settled
from tests.web.driver import Driver
from tests.web.keyed import bearer, key, keyed
from web.settings import WebSettings


async def parked(served: Served, driver: Driver, count: int = 1, **options: str) -> list[str]:
    jobs = [await post(served, name=f"{number}.wav", **options) for number in range(count)]
    for job_id in jobs:
        await driver.park(job_id, "prepare")
    await settled(served)
    return jobs


async def test_a_parked_stage_is_shown_with_what_is_known_of_it(
    served: Served, driver: Driver
) -> None:
    (job_id,) = await parked(served, driver, language="en")
    reply = await served.client.get("/v1/parked")
    assert reply.status_code == 200, reply.text
    (one,) = reply.json()["parked"]
    assert reply.json()["next"] is None
    at = one.pop("parked_at")
    assert at.startswith("20")
    assert one == {
        "job": job_id, "filename": "0.wav", "stage": "prepare", "engine": "audio_prepare",
        "model": None, "kind": "error", "reason": "the model raised ValueError", "failed": 3,
        "lost": 0, "preempted": 0, "request": {"language": "en"},
    }  # fmt: skip


async def test_it_is_shown_page_by_page_and_by_engine(served: Served, driver: Driver) -> None:
    jobs = await parked(served, driver, 5)
    later = await post(served)
    await driver.run(later, "prepare")
    await driver.park(later, "transcribe")
    await settled(served)
    seen: list[str] = []
    before = None
    while True:
        params = {"limit": "2"} | ({"before": before} if before else {})
        page = (await served.client.get("/v1/parked", params=params)).json()
        seen += [one["job"] for one in page["parked"]]
        before = page["next"]
        if before is None:
            break
    assert seen == [later, *reversed(jobs)]
    for query, expected in (("engine=faster_whisper", [later]), ("stage=merge", [])):
        found = (await served.client.get(f"/v1/parked?{query}")).json()["parked"]
        assert [one["job"] for one in found] == expected
    wrong = await served.client.get("/v1/parked?before=nonsense")
    assert wrong.status_code == 400
    assert "'next' of the page before" in wrong.json()["detail"]


async def test_all_go_on_and_one_that_cannot_stops_no_other(served: Served, driver: Driver) -> None:
    jobs = await parked(served, driver, 4)
    backends = served.web.backends
    # One belongs to a newer version, whose state this one must not write over.
    await backends.redis.hset(backends.keys.job(jobs[2]), "schema", SCHEMA + 1)
    reply = await served.client.post("/v1/parked/retry")
    assert reply.status_code == 200, reply.text
    assert (reply.json()["retried"], reply.json()["failed"]) == (3, 1)
    assert reply.json()["reason"].startswith(f"{jobs[2]}: ")
    for job_id in (jobs[0], jobs[1], jobs[3]):
        state = await driver.state(job_id)
        assert (state.status, state.stages["prepare"].status) == ("running", "ready")
    await settled(served)
    again = await served.client.post("/v1/parked/retry")
    assert (again.json()["retried"], again.json()["failed"]) == (0, 1)


async def test_more_than_a_page_goes_on_at_once(served: Served, driver: Driver) -> None:
    async def one(number: int) -> str:
        job_id = await post(served, name=f"{number}.wav")
        await driver.park(job_id, "prepare")
        return job_id

    for first in range(0, 240, 20):
        await asyncio.gather(*(one(first + number) for number in range(20)))
    await settled(served)
    reply = await served.client.post("/v1/parked/retry", json={"engine": "audio_prepare"})
    assert reply.json() == {"retried": 240, "failed": 0, "reason": ""}


async def test_only_those_of_an_engine_go_on(served: Served, driver: Driver) -> None:
    (job_id,) = await parked(served, driver)
    for body in ({"engine": "moonshine"}, {"stage": "transcribe"}):
        reply = await served.client.post("/v1/parked/retry", json=body)
        assert reply.json()["retried"] == 0
    reply = await served.client.post(
        "/v1/parked/retry", json={"engine": "audio_prepare", "stage": "prepare"}
    )
    assert reply.json()["retried"] == 1
    wrong = await served.client.post("/v1/parked/retry", json={"job": job_id})
    assert wrong.status_code == 400


async def test_with_changes_a_new_job_takes_the_place_of_the_blocked_one(
    served: Served, driver: Driver
) -> None:
    (job_id,) = await parked(served, driver, language="en")
    path, headers = f"/v1/jobs/{job_id}/retry", {"Idempotency-Key": "otherwise"}
    first = await served.client.post(path, json={"language": "de"}, headers=headers)
    assert first.status_code == 201, first.text
    new = first.json()
    assert (new["again_from"], new["request"]) == (job_id, {"language": "de"})
    old = await driver.state(job_id)
    assert old.status == "cancelled"
    assert old.reason == f"tried again with other options as job {new['id']}"
    again = await served.client.post(path, json={"language": "de"}, headers=headers)
    assert (again.status_code, again.json()["id"]) == (200, new["id"])
    await settled(served)
    assert (await served.client.get("/v1/parked")).json()["parked"] == []


async def test_a_cut_between_the_new_job_and_the_end_of_the_old_one_loses_nothing(
    served: Served, driver: Driver
) -> None:
    """The same key makes the same new job, and now the old one is cancelled."""
    (job_id,) = await parked(served, driver)
    path, headers = f"/v1/jobs/{job_id}/retry", {"Idempotency-Key": "cut"}
    kept = Ledger.transition

    async def cut(self: Ledger, job: str, *more: object, **named: object) -> object:
        if job == job_id:
            raise ConnectionResetError("cut")
        return await kept(self, job, *more, **named)  # type: ignore[arg-type]

    Ledger.transition = cut  # type: ignore[assignment,method-assign]
    try:
        broken = await served.client.post(path, json={"language": "de"}, headers=headers)
    finally:
        Ledger.transition = kept  # type: ignore[method-assign]
    assert broken.status_code == 503
    assert (await driver.state(job_id)).status == "blocked"
    reply = await served.client.post(path, json={"language": "de"}, headers=headers)
    assert reply.status_code == 200, reply.text
    old = await driver.state(job_id)
    assert (old.status, old.reason.endswith(reply.json()["id"])) == ("cancelled", True)
    jobs = (await served.client.get("/v1/jobs")).json()["jobs"]
    assert len(jobs) == 2


async def test_changes_that_do_not_fit_leave_the_blocked_job_as_it_is(
    served: Served, driver: Driver
) -> None:
    (job_id,) = await parked(served, driver)
    path = f"/v1/jobs/{job_id}/retry"
    for query, body, status in (
        ("", {"model": 3}, 400),
        ("?stage=prepare", {"language": "de"}, 400),
        ("", {"min_speakers": 3, "max_speakers": 2}, 422),
    ):
        reply = await served.client.post(path + query, json=body)
        assert reply.status_code == status, reply.text
    assert (await driver.state(job_id)).status == "blocked"


async def test_nobody_sees_or_retries_what_is_parked_for_another_tenant(
    web_settings: WebSettings, projector: None, driver: Driver
) -> None:
    async with keyed(web_settings) as served:
        mine, _ = await key(served, "acme", "read", "write")
        theirs, _ = await key(served, "other", "read", "write")
        reader, _ = await key(served, "acme", "read")
        reply = await served.client.post(
            "/v1/jobs", files={"file": ("a.wav", b"RIFF" + bytes(2000))}, headers=bearer(mine)
        )
        job_id = reply.json()["id"]
        await driver.park(job_id, "prepare")
        await settled(served)
        seen = await served.client.get("/v1/parked", headers=bearer(mine))
        assert [one["job"] for one in seen.json()["parked"]] == [job_id]
        hidden = await served.client.get("/v1/parked", headers=bearer(theirs))
        assert hidden.json() == {"parked": [], "next": None}
        nothing = await served.client.post("/v1/parked/retry", headers=bearer(theirs))
        assert nothing.json()["retried"] == 0
        refused = await served.client.post("/v1/parked/retry", headers=bearer(reader))
        assert refused.status_code == 403
        done = await served.client.post("/v1/parked/retry", headers=bearer(mine))
        assert done.json()["retried"] == 1
