"""Uploads that go on where they were cut, over real HTTP into a real S3."""

import asyncio
import base64
import hashlib
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import httpx
import msgspec
import psutil
import pytest
from sqlalchemy import text

from streams.artifacts import PART, Artifacts, source_key
from streams.ids import new_id
from tests.conftest import ObjectStore
from tests.web.conftest import Served, post, serving, until
from tests.web.driver import Driver
from tests.web.test_commands import objects
from tests.web.test_uploads import rows
from web import pieces
from web.settings import WebSettings

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = TUS | {"Content-Type": "application/offset+octet-stream"}
DATA = os.urandom(2 * PART + 12_345)
NAMES = (("filename", "Übung 1.wav"), ("filetype", "audio/wav"))
CODED = ",".join(f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in NAMES)


async def begun(served: Served, length: int = len(DATA), **more: str) -> str:
    """A new upload; its path."""
    headers = TUS | {"Upload-Metadata": CODED} | {"Upload-Length": str(length)} | more
    reply = await served.client.post("/v1/uploads", headers=headers)
    assert reply.status_code == 201, reply.text
    assert reply.headers["tus-resumable"] == "1.0.0"
    path: str = reply.headers["location"]
    assert path.startswith("/v1/uploads/")
    return path


async def sent(served: Served, path: str, offset: int, data: bytes) -> httpx.Response:
    """Some of the file, from there on."""
    headers = PIECE | {"Upload-Offset": str(offset)}
    return await served.client.patch(path, content=data, headers=headers)


async def offset(served: Served, path: str) -> int:
    """How far it is."""
    reply = await served.client.head(path, headers=TUS)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "no-store"
    return int(reply.headers["upload-offset"])


async def job_of(served: Served, path: str, **options: str) -> httpx.Response:
    """The job of an upload."""
    fields = {"upload": path.rpartition("/")[2], **options}
    parts = {name: (None, value) for name, value in fields.items()}
    return await served.client.post("/v1/jobs", files=parts)


async def in_parts(artifacts: Artifacts) -> list[str]:
    """The keys of uploads that the store has parts of."""
    page = await artifacts._s3.list_multipart_uploads(Bucket=artifacts.bucket)
    return [one["Key"] for one in page.get("Uploads", ())]


async def test_a_file_that_came_in_three_pieces_is_a_job_of_the_very_bytes(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    path = await begun(served)
    for start, stop, told in ((0, PART + 5, PART), (PART, 2 * PART, 2 * PART)):
        reply = await sent(served, path, start, DATA[start:stop])
        assert (reply.status_code, reply.headers["upload-offset"]) == (204, str(told))
    assert await offset(served, path) == 2 * PART
    early = await job_of(served, path)
    assert (early.status_code, f"{2 * PART} of {len(DATA)}" in early.text) == (409, True)
    reply = await sent(served, path, 2 * PART, DATA[2 * PART :])
    assert reply.headers["upload-offset"] == str(len(DATA))
    assert await rows(served) == 0
    reply = await job_of(served, path, language="de")
    assert reply.status_code == 202, reply.text
    view = reply.json()
    assert (view["id"], view["filename"]) == (path.rpartition("/")[2], "Übung 1.wav")
    assert view["request"] == {"language": "de"}
    source = (await driver.state(view["id"])).source
    assert (source.bytes, source.sha256) == (len(DATA), hashlib.sha256(DATA).hexdigest())
    assert source.media_type == "audio/wav"
    assert await artifacts.get(source) == DATA
    assert await in_parts(artifacts) == []
    await driver.complete(view["id"])
    assert (await served.client.get(f"/v1/jobs/{view['id']}?wait=10")).json()["transcript"]


async def test_head_tells_all_that_a_client_needs_to_go_on(served: Served) -> None:
    path = await begun(served)
    reply = await served.client.head(path, headers=TUS)
    assert reply.headers["upload-length"] == str(len(DATA))
    assert reply.headers["upload-metadata"] == CODED
    left = parsedate_to_datetime(reply.headers["upload-expires"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    spoken = await served.client.options("/v1/uploads")
    assert spoken.status_code == 204
    assert spoken.headers["tus-version"] == "1.0.0"
    assert set(spoken.headers["tus-extension"].split(",")) >= {"creation", "termination"}
    assert spoken.headers["tus-max-size"] == str(served.web.backends.settings.max_upload)


async def test_taking_an_upload_twice_or_at_once_gives_one_job(
    served: Served, artifacts: Artifacts
) -> None:
    path = await begun(served)
    await sent(served, path, 0, DATA)
    replies = await asyncio.gather(*(job_of(served, path, language="de") for _ in range(5)))
    assert sorted(reply.status_code for reply in replies) == [200] * 4 + [202]
    again = await job_of(served, path, language="de")
    assert (again.status_code, again.json()["id"]) == (200, path.rpartition("/")[2])
    other = await job_of(served, path, language="en")
    assert (other.status_code, "other options" in other.text) == (422, True)
    assert await objects(artifacts) == [source_key(path.rpartition("/")[2])]
    assert (await served.client.head(path, headers=TUS)).status_code == 404
    assert (await served.client.delete(path, headers=TUS)).status_code == 404
    assert await objects(artifacts) == [source_key(path.rpartition("/")[2])]


async def test_a_used_key_gives_the_job_of_before_and_frees_the_second_upload(
    served: Served, artifacts: Artifacts
) -> None:
    key = {"Idempotency-Key": "k-1"}
    ids = []
    for _ in range(2):
        path = await begun(served)
        await sent(served, path, 0, DATA)
        form = {"upload": (None, path.rpartition("/")[2])}
        reply = await served.client.post("/v1/jobs", files=form, headers=key)
        ids.append(reply.json()["id"])
    assert reply.status_code == 200
    assert ids[0] == ids[1]
    assert await objects(artifacts) == [source_key(ids[0])]
    path = await begun(served, 5)
    await sent(served, path, 0, b"other")
    form = {"upload": (None, path.rpartition("/")[2])}
    refused = await served.client.post("/v1/jobs", files=form, headers=key)
    assert refused.status_code == 422
    assert (await job_of(served, path)).status_code == 202  # its bytes are still there


async def test_a_cut_connection_loses_what_is_short_of_a_part_and_no_more(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    path = await begun(served)

    async def cut() -> AsyncIterator[bytes]:
        yield DATA[: PART + 100_000]
        await asyncio.sleep(0.3)
        raise httpx.ReadError("the cable was pulled")

    headers = PIECE | {"Upload-Offset": "0", "Content-Length": str(len(DATA))}
    with pytest.raises(httpx.ReadError):
        await served.client.patch(path, content=cut(), headers=headers)
    assert await offset(served, path) == PART
    assert (await sent(served, path, PART, DATA[PART:])).status_code == 204
    view = (await job_of(served, path)).json()
    assert (await driver.state(view["id"])).source.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_of_two_that_go_on_at_once_the_later_has_it_and_the_earlier_is_told(
    served: Served, driver: Driver
) -> None:
    path = await begun(served)
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield bytes(PART - 1)  # other bytes than the file's, and the part is complete too late
        await go_on.wait()
        yield bytes(PART + 1)

    headers = PIECE | {"Upload-Offset": "0", "Content-Length": str(2 * PART)}
    first = asyncio.create_task(served.client.patch(path, content=slow(), headers=headers))
    await until(lambda: not first.done())
    await asyncio.sleep(0.5)
    assert (await sent(served, path, 0, DATA[:PART])).status_code == 204
    go_on.set()
    lost = await first
    assert (lost.status_code, "Another request" in lost.text) == (409, True)
    assert await offset(served, path) == PART
    await sent(served, path, PART, DATA[PART:])
    view = (await job_of(served, path)).json()
    assert (await driver.state(view["id"])).source.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_who_sends_nothing_any_more_is_let_go(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces, "IDLE_S", 0.5)
    path = await begun(served)
    port = int(served.url.rpartition(":")[2])
    headers = PIECE | {"Host": f"127.0.0.1:{port}", "Upload-Offset": "0"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"PATCH {path} HTTP/1.1\r\n{head}Content-Length: {len(DATA)}\r\n\r\n".encode())
    writer.write(DATA[: PART + 5])
    async with asyncio.timeout(10):
        told = await reader.readuntil(b"}")
    writer.close()
    assert told.startswith(b"HTTP/1.1 400")
    assert b"Nothing came for 0.5 s" in told
    assert await offset(served, path) == PART


async def test_many_that_send_the_same_at_once_make_one_whole_file(
    served: Served, driver: Driver
) -> None:
    path = await begun(served)
    while (at := await offset(served, path)) < len(DATA):
        replies = await asyncio.gather(*(sent(served, path, at, DATA[at:]) for _ in range(4)))
        assert {reply.status_code for reply in replies} <= {204, 409}
    view = (await job_of(served, path)).json()
    assert (await driver.state(view["id"])).source.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_a_part_that_was_stored_and_not_counted_is_sent_again(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    """As when the process is killed between the store and Postgres."""
    path = await begun(served)
    upload_id = path.rpartition("/")[2]
    async with served.web.backends.writing() as connection:
        name = await connection.scalar(text("UPDATE uploads SET number = 1 RETURNING multipart"))
    await artifacts.part(source_key(upload_id), str(name), 1, bytes(PART))
    assert await offset(served, path) == 0
    assert (await sent(served, path, 0, DATA)).status_code == 204
    view = (await job_of(served, path)).json()
    assert (await driver.state(view["id"])).source.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_a_file_that_was_put_together_and_not_accepted_is_taken_later(
    served: Served, driver: Driver, artifacts: Artifacts
) -> None:
    """As when the process is killed between the object and the job's row."""
    path = await begun(served)
    upload_id = path.rpartition("/")[2]
    await sent(served, path, 0, DATA)
    async with served.web.backends.reading() as connection:
        row = (await connection.execute(text("SELECT * FROM uploads"))).mappings().one()
    parts = [{"PartNumber": n, "ETag": e} for n, e in zip(row["numbers"], row["etags"])]  # noqa: B905
    await artifacts.complete(source_key(upload_id), row["multipart"], parts, len(DATA))
    assert (await job_of(served, path)).status_code == 202
    assert (await driver.state(upload_id)).source.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_an_upload_that_is_given_up_leaves_nothing(
    served: Served, artifacts: Artifacts
) -> None:
    for data in (DATA[:PART], DATA):
        path = await begun(served)
        await sent(served, path, 0, data)
        reply = await served.client.delete(path, headers=TUS)
        assert (reply.status_code, reply.headers["tus-resumable"]) == (204, "1.0.0")
        assert (await served.client.head(path, headers=TUS)).status_code == 404
        assert (await sent(served, path, 0, DATA)).status_code == 404
        assert (await job_of(served, path)).status_code == 404
    assert await objects(artifacts) == []
    assert await in_parts(artifacts) == []


async def test_an_upload_that_the_store_gave_up_is_not_there_any_more(
    served: Served, artifacts: Artifacts
) -> None:
    path = await begun(served)
    async with served.web.backends.reading() as connection:
        name = await connection.scalar(text("SELECT multipart FROM uploads"))
    await artifacts.abort(source_key(path.rpartition("/")[2]), str(name))
    reply = await sent(served, path, 0, DATA)
    assert (reply.status_code, "begins another" in reply.text) == (404, True)


async def test_a_full_disk_is_named_and_the_upload_goes_on_once_there_is_room(
    served: Served, driver: Driver, s3: ObjectStore
) -> None:
    path = await begun(served)
    assert s3.child.pid is not None
    store = psutil.Process(s3.child.pid)
    try:
        store.rlimit(psutil.RLIMIT_FSIZE, (PART // 2, psutil.RLIM_INFINITY))
        reply = await sent(served, path, 0, DATA)
        assert (reply.status_code, "object store is full" in reply.text) == (507, True)
    finally:
        store.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    assert await offset(served, path) == 0
    assert (await sent(served, path, 0, DATA)).status_code == 204
    view = (await job_of(served, path)).json()
    assert (await driver.state(view["id"])).source.sha256 == hashlib.sha256(DATA).hexdigest()


async def test_what_does_not_fit_is_refused_with_the_cure(served: Served) -> None:
    path = await begun(served)
    wrong = [
        (await sent(served, path, 5, b"x"), 409, "next byte to send is 0"),
        (await sent(served, path, 0, b"x" * 1000), 400, f"{PART} bytes at least"),
        (await sent(served, path, 0, DATA + b"x"), 413, "beyond the end"),
        (await served.client.patch(path, content=b"x", headers=TUS), 415, "offset+octet-stream"),
        (await served.client.patch(path, content=b"x", headers=PIECE), 400, "Upload-Offset"),
        (await served.client.patch(path, content=b"x"), 412, "Tus-Resumable: 1.0.0"),
        (await sent(served, f"/v1/uploads/{new_id()}", 0, b"x"), 404, "no upload"),
        (await sent(served, "/v1/uploads/x", 0, b"x"), 404, "no upload"),
        (await job_of(served, f"/{new_id()}"), 404, "no upload"),
        (await job_of(served, "/no id\0"), 404, "no upload"),
        (await served.client.post("/v1/uploads", headers=TUS), 400, "Upload-Length"),
    ]
    for reply, status, words in wrong:
        assert (reply.status_code, words in reply.text) == (status, True), reply.text
        assert reply.headers["content-type"] == "application/problem+json"
    assert await offset(served, path) == 0


@pytest.mark.parametrize(
    ("headers", "status", "words"),
    [
        ({"Upload-Length": "0"}, 400, "zero bytes"),
        ({"Upload-Length": "-1"}, 400, "Upload-Length"),
        ({"Upload-Length": "²"}, 400, "Upload-Length"),
        ({"Upload-Length": "9" * 400}, 400, "Upload-Length"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename !"}, 400, "BASE64"),
        ({"Upload-Length": "5", "Upload-Metadata": "filename /w=="}, 400, "UTF-8"),
        ({"Upload-Length": "5", "Upload-Metadata": "a YQ==,a YQ=="}, 400, "BASE64"),
        ({"Upload-Length": str(2**62)}, 413, "DALSTON_MAX_UPLOAD"),
    ],
)
async def test_a_bad_beginning_is_refused_and_leaves_nothing(
    served: Served, artifacts: Artifacts, headers: dict[str, str], status: int, words: str
) -> None:
    plain = {name.encode(): value.encode() for name, value in (TUS | headers).items()}
    reply = await served.client.post("/v1/uploads", headers=plain)
    assert (reply.status_code, words in reply.text) == (status, True), reply.text
    assert reply.headers["tus-resumable"] == "1.0.0"
    assert await in_parts(artifacts) == []


async def test_a_body_without_a_length_ends_at_the_end_of_the_file(served: Served) -> None:
    async def longer() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield bytes(PART // 4)

    path = await begun(served, 2 * PART)
    headers = PIECE | {"Upload-Offset": "0"}
    reply = await served.client.patch(path, content=longer(), headers=headers)
    assert (reply.status_code, "beyond the end" in reply.text) == (413, True)
    path = await begun(served, PART * 9 // 4)
    reply = await served.client.patch(path, content=longer(), headers=headers)
    assert (reply.status_code, reply.headers["upload-offset"]) == (204, str(PART * 9 // 4))


async def test_an_upload_over_the_limit_is_refused_before_a_byte_is_sent(
    web_settings: WebSettings, projector: None, artifacts: Artifacts
) -> None:
    small = msgspec.structs.replace(web_settings, max_upload=1000)
    async with serving(small) as served:
        headers = TUS | {"Upload-Length": "1001"}
        reply = await served.client.post("/v1/uploads", headers=headers)
        assert (reply.status_code, "1000 bytes" in reply.text) == (413, True)
        path = await begun(served, 1000)
        assert (await sent(served, path, 0, bytes(1000))).status_code == 204
        assert (await job_of(served, path)).status_code == 202
    assert len(await objects(artifacts)) == 1


async def test_an_upload_of_another_tenant_is_not_there(served: Served) -> None:
    path = await begun(served)
    async with served.web.backends.writing() as connection:
        await connection.execute(text("UPDATE uploads SET tenant = 'other'"))
    assert (await served.client.head(path, headers=TUS)).status_code == 404
    assert (await sent(served, path, 0, DATA)).status_code == 404
    assert (await served.client.delete(path, headers=TUS)).status_code == 404
    assert (await job_of(served, path)).status_code == 404


async def test_a_form_says_once_where_the_audio_is(served: Served) -> None:
    path = await begun(served, 5)
    fields, file = {"upload": path.rpartition("/")[2]}, {"file": ("a.wav", b"RIFF")}
    reply = await served.client.post("/v1/jobs", data=fields, files=file)
    assert (reply.status_code, "a file and a field 'upload'" in reply.text) == (400, True)


async def test_the_bytes_that_came_are_measured(served: Served) -> None:
    path = await begun(served)
    await sent(served, path, 0, DATA)
    await post(served)
    told = (await served.client.get("/metrics")).text
    (line,) = (one for one in told.splitlines() if one.startswith("dalston_web_uploaded_bytes_to"))
    assert float(line.split()[1]) == len(DATA) + 2004
