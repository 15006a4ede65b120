"""Jobs over HTTP, on real servers."""

import asyncio

from tests.web.conftest import Served
from tests.web.driver import Driver

AUDIO = b"RIFF" + bytes(2000)


async def post(served: Served, **options: object) -> str:
    """A job made with defaults."""
    reply = await served.client.post(
        "/v1/jobs", files={"file": ("talk.wav", AUDIO, "audio/wav")}, data=options
    )
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


async def test_a_job_is_accepted_and_can_be_read_at_once(served: Served) -> None:
    reply = await served.client.post(
        "/v1/jobs",
        files={"file": ("talk.wav", AUDIO, "audio/wav")},
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


async def test_a_finished_job_gives_its_transcript(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    waiting = asyncio.create_task(served.client.get(f"/v1/jobs/{job_id}?wait=20"))
    await asyncio.sleep(0.2)
    await driver.complete(job_id)
    view = (await waiting).json()
    assert view["status"] == "succeeded"
    assert view["progress"] == 1
    assert view["audio_s"] == 2.5
    for form, text in (("txt", "Hello <world>"), ("srt", "00:00:00,200"), ("vtt", "&lt;world&gt;")):
        reply = await served.client.get(f"/v1/jobs/{job_id}/transcript?format={form}")
        assert reply.status_code == 200, reply.text
        assert text in reply.text
