"""Cancelling, retrying and erasing, over HTTP."""

import asyncio

import msgspec
import pytest

from streams.artifacts import Artifacts
from streams.events import JobRequest
from streams.ids import new_id
from tests.web.conftest import Served, post, settled
from tests.web.driver import Driver
from tests.web.keyed import client, key, keyed
from web.commands import unmasks
from web.settings import WebSettings


async def test_a_cancel_nudges_the_engines(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.start(job_id, "prepare")
    async with served.web.backends.redis.pubsub() as nudges:
        await nudges.subscribe(served.web.backends.keys.nudges)
        reply = await served.client.post(f"/v1/jobs/{job_id}/cancel", json={"reason": "a mistake"})
        assert (reply.status_code, reply.json()["status"]) == (200, "cancelling")
        assert reply.json()["reason"] == "a mistake"
        heard: list[bytes] = []
        async with asyncio.timeout(5):
            while not heard:
                message = await nudges.get_message(ignore_subscribe_messages=True, timeout=1)
                heard += [message["data"]] if message else []
        assert heard == [job_id.encode()]


async def test_a_job_that_has_ended_cannot_be_cancelled(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    reply = await served.client.post(f"/v1/jobs/{job_id}/cancel")
    assert reply.status_code == 409
    assert "has succeeded already" in reply.json()["detail"]


async def test_a_parked_stage_is_tried_again(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.park(job_id, "prepare")
    view = (await served.client.get(f"/v1/jobs/{job_id}")).json()
    assert view["status"] == "blocked"
    assert view["reason"] == "prepare: the model raised ValueError"
    wrong = await served.client.post(f"/v1/jobs/{job_id}/retry?stage=merge")
    assert wrong.status_code == 409
    reply = await served.client.post(f"/v1/jobs/{job_id}/retry?stage=prepare")
    assert (reply.status_code, reply.json()["status"]) == (200, "running")
    await driver.complete(job_id)
    assert (await served.client.get(f"/v1/jobs/{job_id}")).json()["status"] == "succeeded"


async def test_a_failed_job_runs_again_as_a_new_one(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    job_id = await post(served, name="talk.wav", language="en", priority="2")
    await driver.fail(job_id, "prepare", "input", "no audio")
    reply = await served.client.post(f"/v1/jobs/{job_id}/retry", json={"language": "de"})
    assert reply.status_code == 201, reply.text
    view = reply.json()
    assert reply.headers["location"] == f"/v1/jobs/{view['id']}"
    assert (view["again_from"], view["filename"]) == (job_id, "talk.wav")
    assert view["request"] == {"language": "de", "priority": 2}
    # The new job's audio outlives the old job.
    assert (await served.client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    await erased(served, artifacts, job_id)
    source = (await driver.state(view["id"])).source
    assert await artifacts.get(source) == b"RIFF" + bytes(2000)


async def test_a_retry_with_a_key_makes_one_job(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.fail(job_id, "prepare", "input", "no audio")
    path, key = f"/v1/jobs/{job_id}/retry", {"Idempotency-Key": "again-1"}
    replies = await asyncio.gather(*(served.client.post(path, headers=key) for _ in range(4)))
    assert sorted(reply.status_code for reply in replies) == [200, 200, 200, 201]
    assert len({reply.json()["id"] for reply in replies}) == 1


async def test_a_running_job_is_not_retried(served: Served) -> None:
    job_id = await post(served)
    reply = await served.client.post(f"/v1/jobs/{job_id}/retry")
    assert reply.status_code == 409
    assert "no parked stage" in reply.json()["detail"]
    reply = await served.client.post(f"/v1/jobs/{job_id}/retry", json={"model": "x"})
    assert "options can change once it has ended" in reply.json()["detail"]


async def test_a_wrong_body_is_named(served: Served) -> None:
    job_id = await post(served)
    for path, body, words in (
        ("cancel", b'{"reson": "x"}', "reson"),
        ("cancel", b"{", "JSON"),
        ("cancel", b"\xff\xfe", "JSON"),
        ("cancel", b'{"reason": "' + b"x" * 501 + b'"}', "500"),
        ("cancel", b" " * 70_000, "65536"),
        ("retry", b'{"priority": "high"}', "priority"),
    ):
        reply = await served.client.post(f"/v1/jobs/{job_id}/{path}", content=body)
        assert reply.status_code == 400, reply.text
        assert words in reply.json()["detail"]


async def test_an_erased_job_keeps_no_word(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    job_id = await post(served, name="secret.wav", labels='{"who": "secret"}')
    running = await served.client.delete(f"/v1/jobs/{job_id}")
    assert running.status_code == 409
    assert "cancel it before it is erased" in running.json()["detail"]
    await driver.complete(job_id)
    assert (await served.client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    assert (await served.client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    view = await served.client.get(f"/v1/jobs/{job_id}")
    assert view.json()["erased"] is True
    gone = await served.client.get(f"/v1/jobs/{job_id}/transcript")
    assert gone.status_code == 410
    assert (await served.client.post(f"/v1/jobs/{job_id}/retry")).status_code == 410
    await erased(served, artifacts, job_id)
    events = await served.client.get(f"/v1/jobs/{job_id}/events")
    assert len(events.json()["events"]) == 16
    for text in (view.text, events.text):
        assert "secret" not in text
        assert "s3://" not in text


async def test_an_old_job_whose_state_has_left_redis_can_be_erased(
    served: Served, driver: Driver
) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    await settled(served)
    backends = served.web.backends
    await backends.redis.delete(backends.keys.job(job_id))
    assert (await served.client.post(f"/v1/jobs/{job_id}/cancel")).status_code == 409
    await backends.redis.delete(backends.keys.job(job_id))
    assert (await served.client.delete(f"/v1/jobs/{job_id}")).status_code == 204


async def test_commands_on_unknown_jobs_are_not_found(served: Served) -> None:
    for job_id in (new_id(), "nonsense"):
        for reply in (
            await served.client.post(f"/v1/jobs/{job_id}/cancel"),
            await served.client.post(f"/v1/jobs/{job_id}/retry"),
            await served.client.delete(f"/v1/jobs/{job_id}"),
        ):
            assert reply.status_code == 404, reply.text


async def erased(served: Served, artifacts: Artifacts, job_id: str) -> None:
    """Wait until the eraser has been there."""
    async with asyncio.timeout(10):
        while "secret" in (await served.client.get(f"/v1/jobs/{job_id}/events")).text or (
            await objects(artifacts, f"jobs/{job_id}/")
        ):
            await asyncio.sleep(0.05)


async def objects(artifacts: Artifacts, prefix: str = "jobs/") -> list[str]:
    """Keys in the store."""
    page = await artifacts._s3.list_objects_v2(Bucket=artifacts.bucket, Prefix=prefix)
    return [item["Key"] for item in page.get("Contents", ())]


@pytest.mark.parametrize(
    ("before", "after", "less"),
    [
        ({}, {}, False),
        ({}, {"redact": True}, False),
        ({"redact": True}, {"redact": False}, True),
        ({"redact": True}, {"redact": True}, False),
        ({"redact": True}, {"redact": True, "redact_kinds": ["PERSON"]}, True),
        ({"redact": True, "redact_kinds": ["PERSON"]}, {"redact": True}, False),
        (
            {"redact": True, "redact_kinds": ["PERSON"]},
            {"redact": True, "redact_kinds": ["EMAIL_ADDRESS", "PERSON"]},
            False,
        ),
        (
            {"redact": True, "redact_kinds": ["PERSON"]},
            {"redact": True, "redact_kinds": ["EMAIL_ADDRESS"]},
            True,
        ),
        ({"redact": True, "redact_audio": "beep"}, {"redact": True}, True),
        (
            {"redact": True, "redact_audio": "beep"},
            {"redact": True, "redact_audio": "silence"},
            False,
        ),
    ],
)
def test_it_is_known_when_other_options_would_mask_less(
    before: dict[str, object], after: dict[str, object], less: bool
) -> None:
    assert unmasks(*(msgspec.convert(one, JobRequest) for one in (before, after))) is less


async def test_what_was_masked_is_not_heard_by_trying_again_without(
    web_settings: WebSettings, projector: None, driver: Driver
) -> None:
    async with keyed(web_settings) as served:
        secret, _ = await key(served)
        admin, _ = await key(served, "acme", "admin")
        async with client(served, secret) as http, client(served, admin) as other:
            reply = await http.post(
                "/v1/jobs",
                files={"file": ("talk.wav", b"RIFF" + bytes(2000), "audio/wav")},
                data={"redact": "true", "wait_for_engines": "true"},
            )
            job_id = reply.json()["id"]
            await driver.fail(job_id, "prepare", "input", "no audio")
            path, less = f"/v1/jobs/{job_id}/retry", {"redact": False}
            refused = await http.post(path, json=less)
            assert (refused.status_code, "admin's key" in refused.text) == (403, True)
            assert (await http.post(path, json={"language": "en"})).status_code == 201
            assert (await other.post(path, json=less)).status_code == 201
