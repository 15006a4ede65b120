"""Uploads over HTTP: streamed, bounded, checked, and nothing left of those that fail."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text

from streams.artifacts import PART, Artifacts
from streams.registry import Announcement
from tests.web.conftest import Served, serving
from tests.web.driver import Driver
from tests.web.test_commands import objects
from web.settings import WebSettings

AUDIO = ("talk.wav", b"RIFF" + bytes(2000), "audio/wav")
BOUNDARY = "----dalston"
FORM = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


def part(name: str, data: bytes, filename: str | None = None) -> bytes:
    """One part of a form, as bytes on the wire."""
    named = f'; filename="{filename}"' if filename is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


async def test_a_large_upload_is_stored_byte_for_byte(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    data = os.urandom(2 * PART + 12345)
    reply = await served.client.post("/v1/jobs", files={"file": ("big.wav", data, "audio/wav")})
    assert reply.status_code == 202
    source = (await driver.state(reply.json()["id"])).source
    assert (source.bytes, source.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert source.media_type == "audio/wav"
    assert await artifacts.get(source) == data


@pytest.mark.parametrize("order", ["before", "after"])
async def test_fields_may_stand_before_or_after_the_file(served: Served, order: str) -> None:
    fields = part("language", b"de") + part("word_timestamps", b"0") + part("model", b"")
    file = part("file", AUDIO[1], "talk.wav")
    body = fields + file if order == "before" else file + fields
    reply = await served.client.post("/v1/jobs", content=body + END, headers=FORM)
    assert reply.status_code == 202, reply.text
    assert reply.json()["request"] == {"language": "de", "word_timestamps": False}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (part("file", b"", "a.wav") + END, 400, "zero bytes"),
        (END, 400, "neither a part 'file' nor a field 'url'"),
        (part("language", b"en") + END, 400, "neither"),
        (part("file", b"x") + END, 400, "no file name"),
        (part("audio", b"x", "a.wav") + END, 400, "belongs in 'file'"),
        (part("file", b"x", "a.wav") * 2 + END, 400, "two files"),
        (part("file", b"x", "a") + part("url", b"http://x/") + END, 400, "both"),
        (
            part("colour", b"red") + part("file", b"x", "a") + END,
            400,
            "url, upload, model",
        ),
        (part("file", b"x", "a") + part("colour", b"red") + END, 400, "'colour'"),
        (part("vad", b"perhaps") + part("file", b"x", "a") + END, 400, "'vad'"),
        (part("file", b"x", "a") + part("task", b"sing") + END, 400, "'task'"),
        (part("priority", b"high") + part("file", b"x", "a") + END, 400, "'priority'"),
        (part("priority", b"101") + part("file", b"x", "a") + END, 422, "priority"),
        (part("deadline_s", b"nan") + part("file", b"x", "a") + END, 422, "deadline_s"),
        (part("deadline_s", b"-1") + part("file", b"x", "a") + END, 422, "deadline_s"),
        (part("labels", b"[1]") + part("file", b"x", "a") + END, 400, "'labels'"),
        (part("labels", b'{"a": 1}') + part("file", b"x", "a") + END, 400, "'labels'"),
        (part("hotwords", b"\xff") + part("file", b"x", "a") + END, 400, "not UTF-8"),
        (part("hotwords", b"a\0b") + part("file", b"x", "a") + END, 400, "NUL"),
        (part("hotwords", b"x" * 70_000) + part("file", b"x", "a") + END, 400, "65536 bytes"),
        (part("hotwords", b"x" * 9_000) + part("file", b"x", "a") + END, 422, "hotwords is over"),
        (part("model", b"a") * 2 + part("file", b"x", "a") + END, 400, "there twice"),
        (b"".join(part(f"x{n}", b"a") for n in range(50)) + END, 400, "over 40 fields"),
        (part("file", b"x" * 100_000, "a.wav"), 400, "cut off"),
        (b"no form at all", 400, "no multipart form"),
        (b"", 400, "cut off"),
        (part("url", b"ftp://example.com/a") + END, 400, "http or https"),
        (part("url", b"http://u:p@example.com/a") + END, 400, "password"),
        (part("url", b"http://[::1/") + END, 400, "URL"),
    ],
)
async def test_a_bad_form_is_refused_and_leaves_nothing(
    served: Served, artifacts: Artifacts, body: bytes, status: int, words: str
) -> None:
    reply = await served.client.post("/v1/jobs", content=body, headers=FORM)
    assert (reply.status_code, words in reply.text) == (status, True), reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert await objects(artifacts) == []
    assert await rows(served) == 0


async def test_another_kind_of_body_is_refused(served: Served) -> None:
    for headers, status in (
        ({"Content-Type": "audio/wav"}, 415),
        ({}, 415),
        ({"Content-Type": "multipart/form-data"}, 400),
    ):
        reply = await served.client.post("/v1/jobs", content=b"x", headers=headers)
        assert reply.status_code == status
        assert reply.json()["title"]


async def test_an_upload_over_the_limit_names_the_limit(
    web_settings: WebSettings, projector: None, artifacts: Artifacts
) -> None:
    small = msgspec.structs.replace(web_settings, max_upload=10_000_000)
    async with serving(small) as served:
        exact = {"file": ("a.wav", bytes(10_000_000))}
        assert (await served.client.post("/v1/jobs", files=exact)).status_code == 202
        before = await objects(artifacts)
        over = {"file": ("a.wav", bytes(10_000_001))}
        reply = await served.client.post("/v1/jobs", files=over)
        assert reply.status_code == 413
        assert "10000000 bytes (DALSTON_MAX_UPLOAD)" in reply.json()["detail"]
        assert await objects(artifacts) == before


async def test_an_upload_cut_off_half_way_leaves_nothing(
    served: Served, artifacts: Artifacts
) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield part("file", bytes(PART), "a.wav")[:-2]
        yield bytes(PART + 1000)
        raise httpx.ReadError("the cable was pulled")

    with pytest.raises(httpx.ReadError):
        await served.client.post(
            "/v1/jobs", content=half(), headers={**FORM, "Content-Length": str(2 * 10**9)}
        )
    s3 = artifacts._s3

    async def uploads() -> int:
        page = await s3.list_multipart_uploads(Bucket=artifacts.bucket)
        return len(page.get("Uploads", ()))

    async with asyncio.timeout(10):
        while await uploads():
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.2)
    assert await objects(artifacts) == []
    assert await uploads() == 0
    assert await rows(served) == 0


async def test_the_same_upload_ten_times_at_once_is_one_job(
    served: Served, artifacts: Artifacts
) -> None:
    replies = await asyncio.gather(
        *(
            served.client.post(
                "/v1/jobs", files={"file": AUDIO}, headers={"Idempotency-Key": "k-1"}
            )
            for _ in range(10)
        )
    )
    assert sorted(reply.status_code for reply in replies) == [200] * 9 + [202]
    (job_id,) = {reply.json()["id"] for reply in replies}
    assert await objects(artifacts) == [f"jobs/{job_id}/source"]
    other = await served.client.post(
        "/v1/jobs", files={"file": ("b.wav", b"other")}, headers={"Idempotency-Key": "k-1"}
    )
    assert other.status_code == 422
    assert "belongs to another upload" in other.json()["detail"]
    assert await objects(artifacts) == [f"jobs/{job_id}/source"]


async def test_without_a_key_the_same_file_twice_is_two_jobs(served: Served) -> None:
    replies = await asyncio.gather(
        *(served.client.post("/v1/jobs", files={"file": AUDIO}) for _ in range(2))
    )
    assert [reply.status_code for reply in replies] == [202, 202]
    assert len({reply.json()["id"] for reply in replies}) == 2


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "naïve"])
async def test_a_bad_key_is_refused(served: Served, key: str) -> None:
    reply = await served.client.post(
        "/v1/jobs", files={"file": AUDIO}, headers={b"Idempotency-Key": key.encode("latin-1")}
    )
    assert reply.status_code == 400


async def test_an_unknown_model_or_language_is_refused_before_the_file_is_read(
    served: Served,
) -> None:
    await announce(
        served, transcribe="faster_whisper", models=("tiny", "tiny.en"), default_model="tiny",
        languages={"tiny.en": ("en",)},
    )  # fmt: skip

    async def endless(fields: bytes) -> AsyncIterator[bytes]:
        yield fields + part("file", b"", "a.wav")[:-2]
        async with asyncio.timeout(20):
            while True:
                yield bytes(1000)
                await asyncio.sleep(0.05)

    for fields, words in (
        (part("model", b"huge"), "unknown model 'huge' for transcribe; there are: tiny"),
        (part("model", b"tiny.en") + part("language", b"de"), "does not take language 'de'"),
    ):
        reply = await answer(served, endless(fields))
        assert b" 422 " in reply.split(b"\r\n", 1)[0]
        assert words.encode() in reply
        late = await served.client.post(
            "/v1/jobs", content=part("file", b"x", "a.wav") + fields + END, headers=FORM
        )
        assert (late.status_code, words in late.json()["detail"]) == (422, True)


async def announce(served: Served, *, transcribe: str, **more: Any) -> None:
    """A replica of each engine that every job needs."""
    for stage, engine in {"prepare": "audio_prepare", "merge": "merge"}.items():
        await served.web.backends.registry.announce(replica(stage, engine))
    await served.web.backends.registry.announce(replica("transcribe", transcribe, **more))


def replica(stage: str, engine: str, **more: Any) -> Announcement:
    return Announcement(
        replica=f"{engine}@here-0", engine=engine, stage=stage, version="1", host="here", pid=1,
        **more,
    )  # fmt: skip


async def test_what_nobody_does_is_refused_at_once_or_left_out_or_waited_for(
    served: Served,
) -> None:
    await announce(served, transcribe="faster_whisper")

    async def asked(**fields: str) -> httpx.Response:
        return await served.client.post("/v1/jobs", files={"file": AUDIO}, data=fields)

    refused = await asked(redact="true")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:dalston:problem:no-engine")
    assert "dalston up --engine presidio" in refused.json()["detail"]
    assert int(refused.headers["retry-after"]) > 0
    left_out = (await asked(diarize="true")).json()
    stages = {stage["name"]: stage for stage in left_out["stages"]}
    assert stages["diarize"]["status"] == "skipped"
    assert "no engine that does diarize is up" in stages["diarize"]["reason"]
    assert "diarize was left out" in left_out["warnings"][0]
    assert stages["prepare"]["status"] == "ready"
    waits = (await asked(redact="true", diarize="true", wait_for_engines="true")).json()
    assert {s["name"] for s in waits["stages"]} >= {"redact", "diarize"}
    assert not waits["warnings"]


async def answer(served: Served, body: AsyncIterator[bytes]) -> bytes:
    """What the server answers while the body is still being sent, which httpx would not read."""
    port = int(served.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 99999999\r\n"
    writer.write(f"{head}Content-Type: {FORM['Content-Type']}\r\n\r\n".encode())

    async def send() -> None:
        async for chunk in body:
            writer.write(chunk)
            await writer.drain()

    sending = asyncio.create_task(send())
    async with asyncio.timeout(10):
        found = await reader.readuntil(b"}")
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()
    return found


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\talk.wav", "talk.wav"),
        ("<img src=x onerror=alert(1)>.wav", "<img src=x onerror=alert(1)>.wav"),
        ("Übung №1.ogg", "Übung №1.ogg"),
        ("a" * 300 + ".wav", "a" * 196 + ".wav"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("", "audio"),
    ],
)
async def test_a_files_own_name_is_kept(served: Served, sent: str, kept: str) -> None:
    body = part("file", b"x", sent.replace("\\", "\\\\")) + END
    reply = await served.client.post("/v1/jobs", content=body, headers=FORM)
    assert reply.json()["filename"] == kept


async def rows(served: Served) -> int:
    """Submissions in Postgres."""

    async with served.web.backends.reading() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM submissions")) or 0)
