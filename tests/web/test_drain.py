"""Engines over HTTP: who is drained, whose tasks wait and since when, and who may know."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from streams.registry import Announcement
from tests.web.conftest import Served, post, settled
from tests.web.driver import Driver
from tests.web.keyed import bearer, key, keyed
from web.settings import WebSettings

EAR = Announcement(
    replica="faster_whisper@box-0", engine="faster_whisper", stage="transcribe", version="1",
    host="box", pid=1, models=("tiny",), default_model="tiny",
)  # fmt: skip
MOON = Announcement(
    replica="moonshine@box-0", engine="moonshine", stage="transcribe", version="1", host="box",
    pid=1, models=("tiny-en",), default_model="tiny-en",
)  # fmt: skip
DRAIN, RESUME = (f"/v1/engines/faster_whisper/{verb}" for verb in ("drain", "resume"))


@pytest.fixture
async def locked(web_settings: WebSettings, projector: None) -> AsyncIterator[Served]:
    async with keyed(web_settings) as running:
        yield running


async def engine(served: Served, name: str = "faster_whisper", **more: Any) -> dict[str, Any]:
    reply = await served.client.get("/v1/engines", **more)
    assert reply.status_code == 200, reply.text
    return next(one for one in reply.json()["engines"] if one["name"] == name)


async def test_an_engine_is_drained_and_resumed(served: Served) -> None:
    await served.web.backends.registry.announce(EAR)
    assert (await engine(served))["drained"] is False
    reply = await served.client.post(DRAIN)
    assert reply.status_code == 200, reply.text
    assert (reply.json()["name"], reply.json()["drained"]) == ("faster_whisper", True)
    assert await served.web.backends.registry.drains.of(EAR.replica) is True
    assert (await engine(served))["drained"] is True
    again = await served.client.post(DRAIN)
    assert again.json() == reply.json(), "repeating it changes nothing"
    resumed = await served.client.post(RESUME)
    assert resumed.json()["drained"] is False


async def test_one_replica_is_drained(served: Served) -> None:
    await served.web.backends.registry.announce(EAR)
    reply = await served.client.post(DRAIN, json={"replica": EAR.replica})
    assert reply.status_code == 200
    assert await served.web.backends.registry.drains.all() == {EAR.replica: True}
    wrong = await served.client.post(DRAIN, json={"replica": "faster_whisper@box-7"})
    assert wrong.status_code == 404
    assert f"It has: {EAR.replica}." in wrong.json()["detail"]
    other = await served.client.post("/v1/engines/merge/drain", json={"replica": EAR.replica})
    assert other.status_code == 404


async def test_an_engine_that_is_not_up_is_drained_too(served: Served) -> None:
    assert (await served.client.post("/v1/engines/pyannote/drain")).status_code == 200
    view = await engine(served, "pyannote")
    assert (view["stage"], view["replicas"], view["drained"]) == ("diarize", [], True)
    await served.client.post("/v1/engines/pyannote/resume")
    names = [one["name"] for one in (await served.client.get("/v1/engines")).json()["engines"]]
    assert "pyannote" not in names


async def test_an_engine_that_nobody_knows_is_named(served: Served) -> None:
    reply = await served.client.post("/v1/engines/nonsense/drain")
    assert reply.status_code == 404
    assert "There are: audio_prepare, faster_whisper, merge." in reply.json()["detail"]


async def test_jobs_are_planned_for_another_engine_while_one_is_drained(
    served: Served, driver: Driver
) -> None:
    for one in (EAR, MOON):
        await served.web.backends.registry.announce(one)
    await served.client.post(DRAIN)
    job = await driver.state(await post(served, language="en", wait_for_engines="true"))
    assert job.planned("transcribe").engine == "moonshine"
    named = await post(served, engines='{"transcribe": "faster_whisper"}', wait_for_engines="true")
    assert (await driver.state(named)).planned("transcribe").engine == "faster_whisper"
    await served.client.post(RESUME)
    job = await driver.state(await post(served, language="en", wait_for_engines="true"))
    assert job.planned("transcribe").engine == "faster_whisper"


async def test_it_is_told_how_much_waits_and_since_when(served: Served) -> None:
    for _ in range(5):
        await post(served)
    await settled(served)
    view = await engine(served, "audio_prepare")
    (line,) = view["tenants"]
    assert (line["tenant"], line["waiting"], view["queue"]["waiting"]) == ("default", 5, 5)
    age = datetime.now(UTC) - datetime.fromisoformat(line["since"])
    assert timedelta() < age < timedelta(seconds=20)


async def test_only_an_admin_drains_and_sees_what_waits_for_others(
    locked: Served, driver: Driver
) -> None:
    await locked.web.backends.registry.announce(EAR)
    keys = {name: (await key(locked, name, "read", "write"))[0] for name in ("acme", "other")}
    admin, _ = await key(locked, "ops", "admin")
    jobs = {}
    for name, secret in keys.items():
        reply = await locked.client.post(
            "/v1/jobs", headers=bearer(secret),
            files={"file": ("a.wav", b"RIFF" + bytes(2000))}, data={"wait_for_engines": "true"},
        )  # fmt: skip
        assert reply.status_code == 202, reply.text
        jobs[name] = reply.json()["id"]
    await settled(locked)
    busy = Announcement(**{f: getattr(EAR, f) for f in EAR.__struct_fields__ if f != "job"},
                        job=jobs["acme"])  # fmt: skip
    await locked.web.backends.registry.announce(busy)
    for name, secret in keys.items():
        view = await engine(locked, "audio_prepare", headers=bearer(secret))
        assert [line["tenant"] for line in view["tenants"]] == [name]
        assert view["queue"]["tenants"] == {name: 1}
        (replica,) = (await engine(locked, headers=bearer(secret)))["replicas"]
        assert replica.get("job", "") == (jobs["acme"] if name == "acme" else "")
        for path in (DRAIN, RESUME):
            assert (await locked.client.post(path, headers=bearer(secret))).status_code == 403
    view = await engine(locked, "audio_prepare", headers=bearer(admin))
    assert [line["tenant"] for line in view["tenants"]] == ["acme", "other"]
    assert (await locked.client.post(DRAIN, headers=bearer(admin))).status_code == 200
