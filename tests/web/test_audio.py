"""GET /v1/jobs/{id}/audio: the tracks in which what is personal was made inaudible."""

from msgspec.structs import replace

from tests.web.conftest import Served, post
from tests.web.driver import HELLO, Driver

SOUND = bytes(range(256)) * 4000


async def test_redacted_audio_comes_as_the_store_has_it(served: Served, driver: Driver) -> None:
    job_id = await post(served, name="talk.mp3")
    kept = await driver.artifacts.put(f"jobs/{job_id}/redact/1/a.wav", SOUND, "audio/wav")
    await driver.complete(job_id, replace(HELLO, audio=(kept,)))
    reply = await served.client.get(f"/v1/jobs/{job_id}/audio")
    assert (reply.status_code, reply.content) == (200, SOUND)
    assert reply.headers["content-type"] == "audio/wav"
    assert 'filename="talk.redacted.wav"' in reply.headers["content-disposition"]
    beyond = await served.client.get(f"/v1/jobs/{job_id}/audio?track=1")
    assert (beyond.status_code, "has 1 tracks" in beyond.text) == (404, True)
    assert (await served.client.get(f"/v1/jobs/{job_id}/audio?track=-1")).status_code == 400


async def test_a_job_without_such_audio_says_how_to_have_it(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    reply = await served.client.get(f"/v1/jobs/{job_id}/audio")
    assert (reply.status_code, "redact_audio=beep" in reply.text) == (404, True)


async def test_audio_that_the_store_lost_is_an_answer(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    kept = await driver.artifacts.put(f"jobs/{job_id}/redact/1/a.wav", SOUND, "audio/wav")
    gone = replace(kept, uri=kept.uri.replace("a.wav", "b.wav"))
    await driver.complete(job_id, replace(HELLO, audio=(gone,)))
    assert (await served.client.get(f"/v1/jobs/{job_id}/audio")).status_code == 502
