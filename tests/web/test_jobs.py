"""Jobs over HTTP, on real servers."""

import asyncio
from typing import Any

import msgspec
import pytest

from streams.artifacts import key_in
from streams.ids import new_id
from streams.job import fold
from streams.registry import Announcement
from tests.web.conftest import Served, post, settled
from tests.web.driver import HELLO, Driver
from web.views import JobView, job_view

Json = dict[str, Any]


async def test_a_job_is_accepted_and_can_be_read_at_once(served: Served) -> None:
    reply = await served.client.post(
        "/v1/jobs",
        files={"file": ("talk.wav", b"RIFF" + bytes(2000), "audio/wav")},
        data={"language": "en", "labels": '{"who": "me"}', "vad": "false"},
    )
    assert reply.status_code == 202
    view = reply.json()
    assert reply.headers["location"] == f"/v1/jobs/{view['id']}"
    assert view["status"] == "queued"
    assert [stage["name"] for stage in view["stages"]] == ["prepare", "transcribe", "merge"]
    again = await served.client.get(reply.headers["location"])
    assert again.status_code == 200
    assert again.json()["request"]["labels"] == {"who": "me"}
    assert again.json()["request"]["vad"] is False


async def test_waiting_ends_with_the_job(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    waiting = asyncio.create_task(served.client.get(f"/v1/jobs/{job_id}?wait=20"))
    await asyncio.sleep(0.1)
    await driver.complete(job_id)
    view = (await waiting).json()
    assert (view["status"], view["progress"], view["audio_s"]) == ("succeeded", 1, 2.5)


async def test_waiting_ends_with_the_time_asked_for(served: Served) -> None:
    began = asyncio.get_running_loop().time()
    reply = await served.client.post(
        "/v1/jobs", files={"file": ("a.wav", b"RIFF")}, headers={"Prefer": "wait=0.5"}
    )
    assert reply.json()["status"] == "queued"
    assert 0.5 <= asyncio.get_running_loop().time() - began < 8


async def test_a_wait_over_a_minute_is_refused(served: Served) -> None:
    reply = await served.client.get(f"/v1/jobs/{new_id()}?wait=61")
    assert reply.status_code == 400
    assert "wait" in reply.json()["detail"]


async def test_a_command_is_seen_by_the_next_read(served: Served) -> None:
    job_id = await post(served)
    for _ in range(5):
        cancelled = await served.client.post(f"/v1/jobs/{job_id}/cancel")
        assert cancelled.json()["status"] == "cancelled"
        assert (await served.client.get(f"/v1/jobs/{job_id}")).json()["status"] == "cancelled"


async def test_jobs_are_listed_newest_first_page_by_page(served: Served, driver: Driver) -> None:
    ids = [await post(served) for _ in range(5)]
    await driver.complete(ids[0])
    await served.client.get(f"/v1/jobs/{ids[0]}?wait=10")
    await settled(served)
    first = (await served.client.get("/v1/jobs?limit=3")).json()
    assert [job["id"] for job in first["jobs"]] == ids[:1:-1]
    second = (await served.client.get(f"/v1/jobs?limit=3&before={first['next']}")).json()
    assert [job["id"] for job in second["jobs"]] == ids[1::-1]
    assert second["next"] is None
    done = (await served.client.get("/v1/jobs?status=succeeded")).json()
    assert [job["id"] for job in done["jobs"]] == ids[:1]


async def test_jobs_are_found_by_name_time_stage_engine_and_model(
    served: Served, driver: Driver
) -> None:
    names = ["Ärger.mp3", "100%_done.wav", "talk.wav", "TALK 2.wav"]
    ids = {name: await post(served, name=name) for name in names}
    await driver.complete(ids["talk.wav"])
    await driver.start(ids["TALK 2.wav"], "prepare")
    await settled(served)

    async def listed(**query: str) -> list[str]:
        reply = await served.client.get("/v1/jobs", params=query)
        return [job["filename"] for job in reply.raise_for_status().json()["jobs"]]

    everything = names[::-1]
    assert await listed(q="talk") == ["TALK 2.wav", "talk.wav"]
    assert await listed(q="ä") == ["Ärger.mp3"]
    assert await listed(q="%_") == ["100%_done.wav"]
    assert await listed(q="_a") == []
    assert await listed(q="talk", status="succeeded") == ["talk.wav"]
    assert await listed(q="talk", limit="1") == ["TALK 2.wav"]
    assert await listed(since="1h") == everything
    assert await listed(until="1h") == []
    moment = (await served.client.get(f"/v1/jobs/{ids['talk.wav']}")).json()["submitted_at"]
    assert await listed(since=moment) == everything[:2]
    assert await listed(until=moment) == everything[2:]
    assert await listed(stage="transcribe") == everything
    assert await listed(stage="diarize") == []
    assert await listed(engine="audio_prepare") == everything
    assert await listed(model="tiny") == ["talk.wav"]
    assert await listed(model="tiny", stage="transcribe") == ["talk.wav"]
    assert await listed(model="tiny", stage="prepare") == []  # one stage has to have both
    assert await listed(model="tiny", status="queued") == []


@pytest.mark.parametrize("wrong", ["since=soon", "until=", "q=", "q=a%00b", f"q={'x' * 201}"])
async def test_a_filter_that_cannot_be_read_is_refused(served: Served, wrong: str) -> None:
    reply = await served.client.get(f"/v1/jobs?{wrong}")
    assert (reply.status_code, wrong.partition("=")[0] in reply.json()["detail"]) == (400, True)


async def test_a_stage_that_was_left_out_is_no_stage_to_be_found_by(
    served: Served, driver: Driver
) -> None:
    for stage, engine in {"prepare": "a", "transcribe": "b", "merge": "c"}.items():
        await served.web.backends.registry.announce(
            Announcement(replica=f"{engine}@here-0", engine=engine, stage=stage, version="1",
                         host="here", pid=1)
        )  # fmt: skip
    await post(served, diarize="true")
    await settled(served)
    found = (await served.client.get("/v1/jobs?stage=diarize")).json()["jobs"]
    assert found == []
    assert len((await served.client.get("/v1/jobs?stage=prepare")).json()["jobs"]) == 1


async def test_a_job_can_be_seen_at_every_revision(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    await settled(served)
    events = (await served.client.get(f"/v1/jobs/{job_id}/events")).json()["events"]
    assert [event["rev"] for event in events] == list(range(1, len(events) + 1))
    archived = await served.web.backends.log.read(0, count=500)
    for rev in range(1, len(events) + 1):
        reply = await served.client.get(f"/v1/jobs/{job_id}?at={rev}")
        job = fold(event for event in archived if event.rev <= rev)
        assert job is not None
        assert msgspec.json.decode(reply.content, type=JobView) == job_view(job)
    late = await served.client.get(f"/v1/jobs/{job_id}?at={len(events) + 1}")
    assert late.status_code == 404
    assert f"latest archived is {len(events)}" in late.json()["detail"]


async def test_events_come_in_pages(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    await settled(served)
    seqs, after = [], 0
    while after is not None:
        page = (await served.client.get(f"/v1/jobs/{job_id}/events?after={after}&limit=4")).json()
        seqs += [event["seq"] for event in page["events"]]
        after = page["next"]
    assert seqs == list(range(1, 16))


async def test_a_transcript_comes_in_each_format_with_a_tag(served: Served, driver: Driver) -> None:
    job_id = await post(served, name="Übung <1>.wav")
    await driver.complete(job_id)
    for form, kind, text in (
        ("json", "application/json", '"language":"en"'),
        ("txt", "text/plain; charset=utf-8", "Hello <world>, & all.\n"),
        ("srt", "application/x-subrip; charset=utf-8", "00:00:00,200 --> 00:00:02,100"),
        ("vtt", "text/vtt; charset=utf-8", "Hello &lt;world&gt;, &amp; all."),
    ):
        path = f"/v1/jobs/{job_id}/transcript?format={form}"
        reply = await served.client.get(path)
        assert (reply.status_code, reply.headers["content-type"]) == (200, kind)
        assert text in reply.text
        assert (
            f"filename*=UTF-8''%C3%9Cbung%20%3C1%3E.{form}" in reply.headers["content-disposition"]
        )
        tag = {"If-None-Match": f'W/"other", {reply.headers["etag"]}'}
        assert (await served.client.get(path, headers=tag)).status_code == 304
        head = await served.client.head(path)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["etag"] == reply.headers["etag"]
    said, clean = [
        await served.client.get(f"/v1/jobs/{job_id}/transcript?format=txt&text={text}")
        for text in ("said", "clean")
    ]
    assert said.text == clean.text  # nothing was cleaned
    assert said.headers["etag"] != clean.headers["etag"]
    wrong = await served.client.get(f"/v1/jobs/{job_id}/transcript?text=pretty")
    assert (wrong.status_code, "text" in wrong.json()["detail"]) == (400, True)
    value = await served.client.get(f"/v1/jobs/{job_id}/transcript")
    assert msgspec.json.decode(value.content, type=type(HELLO)) == HELLO


async def test_a_transcript_that_is_not_there_says_why(served: Served, driver: Driver) -> None:
    waiting, broken = await post(served), await post(served)
    await driver.fail(broken, "prepare", "input", "this is no audio")
    reply = await served.client.get(f"/v1/jobs/{waiting}/transcript")
    assert reply.status_code == 404
    assert "is queued: it has no transcript yet" in reply.json()["detail"]
    reply = await served.client.get(f"/v1/jobs/{broken}/transcript")
    assert reply.status_code == 404
    assert "is failed (this is no audio): it has no transcript." in reply.json()["detail"]


async def test_a_store_that_lost_or_changed_a_transcript_is_named(
    served: Served, driver: Driver
) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    kept = (await driver.state(job_id)).transcript
    assert kept
    artifacts, key = driver.artifacts, key_in(kept.uri)
    await artifacts._s3.put_object(Bucket=artifacts.bucket, Key=key, Body=b"other bytes")
    changed = await served.client.get(f"/v1/jobs/{job_id}/transcript")
    await artifacts._s3.delete_object(Bucket=artifacts.bucket, Key=key)
    gone = await served.client.get(f"/v1/jobs/{job_id}/transcript")
    for reply, words in ((changed, "has 11 bytes"), (gone, "is not in the store")):
        assert (reply.status_code, reply.headers["retry-after"]) == (502, "2")
        assert words in reply.json()["detail"]
        assert "put it back from a backup" in reply.json()["detail"]


@pytest.mark.parametrize("path", ["", "/transcript", "/audio", "/events", "?at=1"])
async def test_an_unknown_job_is_not_found(served: Served, path: str) -> None:
    for job_id in (new_id(), "nonsense", "%00", "..%2f..%2fetc"):
        reply = await served.client.get(f"/v1/jobs/{job_id}{path}")
        assert reply.status_code == 404, reply.text
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.json()["status"] == 404


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/v1/jobs?limit=0", "limit"),
        ("/v1/jobs?limit=many", "limit"),
        ("/v1/jobs?status=lost", "status"),
        ("/v1/jobs?before=%00", "before"),
        ("/v1/jobs?colour=red", "colour"),
        ("/v1/search?q=", "q"),
        ("/v1/search", "q"),
        ("/v1/events?epoch=1", "go together"),
        ("/v1/events?seq=-1&epoch=1", "seq"),
    ],
)
async def test_a_wrong_parameter_is_named(served: Served, path: str, words: str) -> None:
    reply = await served.client.get(path)
    assert reply.status_code == 400, reply.text
    assert words in reply.json()["detail"]


async def test_a_wrong_method_and_a_wrong_path_are_problems_too(served: Served) -> None:
    for reply, status in (
        (await served.client.put("/v1/jobs"), 405),
        (await served.client.get("/v2/nothing"), 404),
        (await served.client.get("/assets/..%2F..%2Fpage.py"), 404),
    ):
        assert reply.status_code == status
        assert reply.headers["content-type"] == "application/problem+json"


async def test_what_was_said_is_found(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    hits: list[Json] = []
    async with asyncio.timeout(10):
        while not hits:
            hits = (await served.client.get("/v1/search?q=hello")).json()["hits"]
            await asyncio.sleep(0.05)
    (hit,) = hits
    assert (hit["job"], hit["start"], hit["text"]) == (job_id, 0.2, "Hello <world>, & all.")
    start, end = hit["marks"][0]
    assert hit["snippet"][start:end] == "Hello"
