"""GET /v1/jobs/{id}/audio and /peaks: what players hear and draw, byte for byte, range by range."""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import msgspec
import pytest
from msgspec.structs import replace

from streams.artifacts import key_of
from streams.events import Artifact
from streams.transcript import Media, Peaks, Prepared, Track
from tests.web.conftest import Served, post
from tests.web.driver import HELLO, Driver
from web.callers import Caller
from web.errors import OutOfRange
from web.ranges import Span, span_of

SOUND = bytes(range(256)) * 4000
OTHER = SOUND[::-1]
SIZE = len(SOUND)


async def prepared(
    driver: Driver, job_id: str, *, tracks: tuple[bytes, ...] = (SOUND,), drawn: bool = True
) -> None:
    """The stage prepare, with these tracks."""
    made = []
    for number, sound in enumerate(tracks):
        key = key_of(job_id, "prepare", 1, f"track-{number}.wav")
        audio = await driver.artifacts.put(key, sound, "audio/wav")
        peaks = await driver.artifacts.put_value(f"{key}.json", Peaks(0.05, bytes([0, 7, 255])))
        made.append(Track(audio, number, -1.0, silent=False, peaks=peaks if drawn else None))
    media = Media(container="wav", codec="pcm", sample_rate=16_000, channels=1, duration=0.15)
    output = Prepared(media=media, duration=0.15, tracks=tuple(made))
    await driver.run(job_id, "prepare", output)


async def masked(driver: Driver, job_id: str, sound: bytes = OTHER) -> Artifact:
    """The whole of a job, with a track in which what is personal is inaudible."""
    kept = await driver.artifacts.put(f"jobs/{job_id}/redact/1/a.wav", sound, "audio/wav")
    for stage in ("transcribe", "merge"):
        await driver.run(job_id, stage, replace(HELLO, audio=(kept,)))
    return kept


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("", None),
        ("bytes=0-", Span(0, 100)),
        ("bytes=0-0", Span(0, 1)),
        ("bytes=10-19", Span(10, 20)),
        (" bytes = 10 - 19 ", Span(10, 20)),
        ("bytes=90-1000", Span(90, 100)),
        ("bytes=-10", Span(90, 100)),
        ("bytes=-1000", Span(0, 100)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("bytes=a-b", None),
        ("bytes=٣-٤", None),
        ("seconds=0-1", None),
        ("bytes=" + "9" * 40 + "-", None),
    ],
)
def test_a_range_is_read_as_http_says(header: str, span: Span | None) -> None:
    assert span_of(header, 100) == span


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_beyond_the_end_is_refused(header: str) -> None:
    with pytest.raises(OutOfRange, match="100 bytes"):
        span_of(header, 100)


async def test_what_was_heard_is_played_in_place_and_can_be_sought_in(
    served: Served, driver: Driver
) -> None:
    job_id = await post(served, name="talk.mp3")
    path = f"/v1/jobs/{job_id}/audio"
    early = await served.client.get(path)
    assert (early.status_code, "not yet prepared" in early.text) == (404, True)
    await prepared(driver, job_id)
    reply = await served.client.get(path)  # while the rest of the job is still to be done
    assert (reply.status_code, reply.content) == (200, SOUND)
    assert reply.headers["content-type"] == "audio/wav"
    assert reply.headers["accept-ranges"] == "bytes"
    assert reply.headers["content-disposition"].startswith('inline; filename="talk.heard.wav"')
    for header, start, stop in (
        ("bytes=0-", 0, SIZE),
        ("bytes=300000-700000", 300_000, 700_001),
        ("bytes=-5", SIZE - 5, SIZE),
        (f"bytes={SIZE - 1}-", SIZE - 1, SIZE),
    ):
        part = await served.client.get(path, headers={"Range": header})
        assert (part.status_code, part.content) == (206, SOUND[start:stop])
        assert part.headers["content-range"] == f"bytes {start}-{stop - 1}/{SIZE}"
        assert part.headers["content-length"] == str(stop - start)
    beyond = await served.client.get(path, headers={"Range": f"bytes={SIZE}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{SIZE}")
    assert beyond.headers["content-type"] == "application/problem+json"
    several = await served.client.get(path, headers={"Range": "bytes=0-1,5-6"})
    assert (several.status_code, several.content) == (200, SOUND)
    saved = await served.client.get(f"{path}?download=1")
    assert saved.headers["content-disposition"].startswith("attachment")


async def test_a_range_of_what_has_changed_meanwhile_is_all_of_it(
    served: Served, driver: Driver
) -> None:
    job_id = await post(served)
    await prepared(driver, job_id)
    path = f"/v1/jobs/{job_id}/audio"
    head = await served.client.head(path)
    assert (head.status_code, head.headers["content-length"]) == (200, str(SIZE))
    etag = head.headers["etag"]
    same = {"Range": "bytes=0-9", "If-Range": etag}
    assert (await served.client.get(path, headers=same)).status_code == 206
    for old in ('"other"', f"W/{etag}", "Fri, 27 Nov 2026 02:43:41 GMT"):
        reply = await served.client.get(path, headers={"Range": "bytes=0-9", "If-Range": old})
        assert (reply.status_code, reply.content) == (200, SOUND)
    assert (await served.client.get(path, headers={"If-None-Match": etag})).status_code == 304


async def test_only_the_range_leaves_the_store(
    served: Served, driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    job_id = await post(served)
    await prepared(driver, job_id)
    s3, asked = served.web.backends.artifacts._s3, []
    ask = s3.get_object

    async def noted(**given: str) -> object:
        asked.append((given["Key"].rpartition("/")[2], given.get("Range")))
        return await ask(**given)

    monkeypatch.setattr(s3, "get_object", noted)
    await served.client.get(f"/v1/jobs/{job_id}/audio", headers={"Range": "bytes=-7"})
    assert asked == [("output.json", None), ("track-0.wav", f"bytes={SIZE - 7}-{SIZE - 1}")]


async def test_each_channel_is_a_track(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await prepared(driver, job_id, tracks=(SOUND, OTHER))
    path = f"/v1/jobs/{job_id}/audio"
    assert (await served.client.get(f"{path}?track=1")).content == OTHER
    beyond = await served.client.get(f"{path}?track=2")
    assert (beyond.status_code, "has 2 tracks" in beyond.text) == (404, True)
    for wrong in ("track=-1", "track=64", "kind=loud", "download=x"):
        assert (await served.client.get(f"{path}?{wrong}")).status_code == 400


async def test_the_file_as_it_was_sent_is_saved_and_never_shown(
    served: Served, driver: Driver
) -> None:
    page = b"<script>alert(1)</script>"
    for media_type, told in (("text/html", "application/octet-stream"), ("audio/ogg", "audio/ogg")):
        file = {"file": ("Übung.html", page, media_type)}
        job_id = (await served.client.post("/v1/jobs", files=file)).json()["id"]
        reply = await served.client.get(f"/v1/jobs/{job_id}/audio?kind=original")
        assert (reply.status_code, reply.content) == (200, page)
        assert reply.headers["content-type"] == told
        assert reply.headers["content-disposition"].startswith("attachment")
        assert "%C3%9Cbung.html" in reply.headers["content-disposition"]


async def test_of_a_job_with_inaudible_names_everybody_hears_that(
    served: Served, driver: Driver
) -> None:
    job_id = await post(served, name="talk.mp3", redact="true", redact_audio="beep",
                        wait_for_engines="true")  # fmt: skip
    await prepared(driver, job_id)
    path = f"/v1/jobs/{job_id}/audio"
    early = await served.client.get(path)
    assert (early.status_code, "no transcript yet" in early.text) == (404, True)
    for stage in ("transcribe", "merge"):
        await driver.run(job_id, stage)
    kept = await driver.artifacts.put(f"jobs/{job_id}/redact/1/a.wav", OTHER, "audio/wav")
    await driver.run(job_id, "redact", replace(HELLO, audio=(kept,)))
    for kind, shown in (("heard", "inline"), ("redacted", "attachment")):
        reply = await served.client.get(f"{path}?kind={kind}")
        assert (reply.status_code, reply.content) == (200, OTHER)
        assert f'{shown}; filename="talk.redacted.wav"' in reply.headers["content-disposition"]
    # Without keys whoever asks is an admin.
    assert (await served.client.get(f"{path}?kind=original")).status_code == 200


@pytest.mark.parametrize(("auth", "scopes"), [("key", ("read", "write")), ("share", ("read",))])
async def test_the_file_in_which_names_are_audible_is_an_admins(
    served: Served, driver: Driver, monkeypatch: pytest.MonkeyPatch, auth: str,
    scopes: tuple[str, ...],
) -> None:  # fmt: skip
    caller = msgspec.convert({"auth": auth, "tenant": "default", "scopes": scopes}, Caller)

    async def known(*_: object, **__: object) -> Caller:
        return caller

    job_id = await post(served, redact="true", redact_audio="silence", wait_for_engines="true")
    monkeypatch.setattr(served.web.door, "caller", known)
    reply = await served.client.get(f"/v1/jobs/{job_id}/audio?kind=original")
    assert reply.status_code == 403
    assert ("admin's key" if auth == "key" else "A link") in reply.text


async def test_redacted_audio_comes_as_the_store_has_it(served: Served, driver: Driver) -> None:
    job_id = await post(served, name="talk.mp3")
    await prepared(driver, job_id)
    await masked(driver, job_id)
    reply = await served.client.get(f"/v1/jobs/{job_id}/audio?kind=redacted")
    assert (reply.status_code, reply.content) == (200, OTHER)
    assert 'attachment; filename="talk.redacted.wav"' in reply.headers["content-disposition"]
    assert (await served.client.get(f"/v1/jobs/{job_id}/audio")).content == SOUND


async def test_a_job_without_such_audio_says_how_to_have_it(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await driver.complete(job_id)
    reply = await served.client.get(f"/v1/jobs/{job_id}/audio?kind=redacted")
    assert (reply.status_code, "redact_audio=beep" in reply.text) == (404, True)


async def test_audio_that_the_store_lost_is_an_answer(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await prepared(driver, job_id)
    await driver.artifacts.delete(key_of(job_id, "prepare", 1, "track-0.wav"))
    for given in ({}, {"Range": "bytes=0-9"}):
        reply = await served.client.get(f"/v1/jobs/{job_id}/audio", headers=given)
        assert reply.status_code == 502


async def test_peaks_are_numbers_to_draw_with(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await prepared(driver, job_id)
    reply = await served.client.get(f"/v1/jobs/{job_id}/peaks")
    assert reply.json() == {"duration": 0.15, "window_s": 0.05, "peaks": [0, 7, 255]}
    assert (await served.client.get(f"/v1/jobs/{job_id}/peaks?track=1")).status_code == 404
    old = await post(served)
    await prepared(driver, old, drawn=False)
    reply = await served.client.get(f"/v1/jobs/{old}/peaks")
    assert (reply.status_code, "no peaks" in reply.text) == (404, True)


async def test_of_a_job_that_was_erased_nothing_is_heard(served: Served, driver: Driver) -> None:
    job_id = await post(served)
    await prepared(driver, job_id)
    await masked(driver, job_id)
    assert (await served.client.delete(f"/v1/jobs/{job_id}")).status_code == 204
    for path in ("audio", "audio?kind=original", "audio?kind=redacted", "peaks"):
        assert (await served.client.get(f"/v1/jobs/{job_id}/{path}")).status_code == 410


async def test_players_that_are_paused_keep_nobody_from_the_store(
    served: Served, driver: Driver
) -> None:
    """Each stops reading after a few kB, as browsers do; the store's connections are for all."""
    job_id = await post(served)
    await prepared(driver, job_id, tracks=(SOUND * 24,))
    await masked(driver, job_id)
    address = urlsplit(served.url)
    async with AsyncExitStack() as stack:
        for _ in range(40):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            stack.callback(writer.close)
            writer.write(
                f"GET /v1/jobs/{job_id}/audio HTTP/1.1\r\nHost: localhost\r\n"
                "Range: bytes=0-\r\n\r\n".encode()
            )
            assert b" 206 " in await asyncio.wait_for(reader.readline(), 5)
        reply = await served.client.get(f"/v1/jobs/{job_id}/transcript", timeout=5)
        assert reply.status_code == 200
