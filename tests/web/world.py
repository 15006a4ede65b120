"""Two tenants with real jobs on one web that wants keys: what a stranger is not to see."""

import json
from dataclasses import dataclass, field
from typing import Any

import httpx
from msgspec.structs import replace

from projector.keys import Key
from streams.registry import Announcement
from streams.transcript import Segment, Speaker, Transcript, Word
from tests.web.conftest import Served, settled
from tests.web.driver import HELLO, Driver
from tests.web.keyed import client, key
from tests.web.test_audio import prepared

SOUND = b"RIFF" + bytes(2000)


@dataclass
class Tenant:
    """One of them: its key, what it has, and every word by which that would be known."""

    name: str
    word: str
    secret: str
    key: Key
    http: httpx.AsyncClient
    done: str = ""
    parked: str = ""
    running: str = ""
    upload: str = ""
    share: str = ""
    marks: set[str] = field(default_factory=set)

    def leaks(self, answer: str, asked: str = "") -> set[str]:
        """What of this tenant is in an answer, beside what the request itself had said."""
        seen = answer.lower()
        for own in self.marks:
            if own in asked.lower():
                seen = seen.replace(own, "")
        return {mark for mark in self.marks if mark in seen}


async def tenant(served: Served, name: str, word: str) -> Tenant:
    """A tenant without any job yet."""
    secret, made = await key(served, name, "read", "write", name=f"{word} key")
    http = client(served, secret)
    return Tenant(name, word, secret, made, http, marks={name, word, made.id, made.prefix})


async def fill(served: Served, one: Tenant, driver: Driver) -> None:
    """Give it a finished job with edits, a parked one, one under way, an upload and a link."""
    one.done, one.parked, one.running = [
        await _job(one, f"{one.word}-{kind}.wav") for kind in ("interview", "parked", "running")
    ]
    await prepared(driver, one.done, tracks=(SOUND,))
    for stage in ("transcribe", "merge"):
        await driver.run(one.done, stage, _said(one.word))
    await driver.run(one.parked, "prepare")
    await driver.park(one.parked, "transcribe")
    await driver.run(one.running, "prepare")
    await driver.start(one.running, "transcribe")
    for engine, stage in (
        ("audio_prepare", "prepare"), ("faster_whisper", "transcribe"), ("merge", "merge"),
    ):  # fmt: skip
        busy = Announcement(
            replica=f"{engine}@here-0", engine=engine, stage=stage, version="1", host="here",
            pid=1, state="busy", job=one.running, models=("tiny",), default_model="tiny",
        )  # fmt: skip
        await served.web.backends.registry.announce(busy, ttl_s=300)
    await settled(served)
    changes: list[tuple[str, Any]] = [
        ("speakers/SPEAKER_00", {"name": f"{one.word} the speaker"}),
        ("segments/0", {"text": f"The {one.word} was corrected."}),
    ]
    for path, body in changes:
        reply = await one.http.put(f"/v1/jobs/{one.done}/{path}", json=body)
        assert reply.status_code == 200, reply.text
    begun = await one.http.post(
        "/v1/uploads",
        headers={
            "Tus-Resumable": "1.0.0",
            "Upload-Length": "9000",
            "Upload-Metadata": "filename d2FscnVzLmF1ZGlv",
        },
    )
    assert begun.status_code == 201, begun.text
    one.upload = begun.headers["location"].rpartition("/")[2]
    link = await one.http.post(f"/v1/jobs/{one.done}/shares", json={"expires_in_s": 3600})
    one.share = link.json()["token"]
    await settled(served)
    one.marks |= {one.done, one.parked, one.running, one.upload, one.share.lower()}


async def everything(one: Tenant) -> str:
    """What a tenant has, as it sees it: what nobody else is to have changed."""
    views = [
        (await one.http.get(f"/v1/jobs/{job}")).json()
        for job in (one.done, one.parked, one.running)
    ]
    transcript = (await one.http.get(f"/v1/jobs/{one.done}/transcript")).text
    upload = await one.http.head(f"/v1/uploads/{one.upload}", headers={"Tus-Resumable": "1.0.0"})
    listed = (await one.http.get("/v1/jobs")).json()
    return json.dumps([views, transcript, upload.status_code, listed], sort_keys=True)


async def _job(one: Tenant, filename: str) -> str:
    reply = await one.http.post(
        "/v1/jobs",
        files={"file": (filename, SOUND, "audio/wav")},
        headers={"Idempotency-Key": filename.partition("-")[2]},
    )
    assert reply.status_code == 202, reply.text
    return str(reply.json()["id"])


def _said(word: str) -> Transcript:
    """A transcript with a word that nobody else says."""
    segment = Segment(
        start=0.2,
        end=2.1,
        text=f"Hello {word}.",
        speaker="SPEAKER_00",
        words=(Word("Hello", 0.2, 0.6, 0.99), Word(f"{word}.", 0.7, 1.2, 0.9)),
    )
    return replace(HELLO, segments=(segment,), speakers=(Speaker("SPEAKER_00"),))
