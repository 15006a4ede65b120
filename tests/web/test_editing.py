"""What people correct: over HTTP, in every format, at every revision, and who said so."""

from functools import partial
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from streams import decide
from streams.decide import LONGEST_EDIT, LONGEST_NAME
from streams.events import Heard
from streams.transcript import Redacted, Segment, Speaker, Transcript
from tests.web.conftest import Served, post, settled
from tests.web.driver import HELLO, Driver

SPOKEN = replace(
    HELLO,
    segments=(replace(HELLO.segments[0], speaker="S1"), Segment(2.1, 2.5, "Bye.", speaker="S2")),
    speakers=(Speaker("S1"), Speaker("S2")),
)


@pytest.fixture
async def done(served: Served, driver: Driver) -> str:
    """A job with a transcript of two speakers."""
    job_id = await post(served)
    await driver.complete(job_id, SPOKEN)
    await settled(served)
    return job_id


async def put(served: Served, path: str, **body: Any) -> Any:
    reply = await served.client.put(f"/v1/jobs/{path}", json=body)
    assert reply.status_code == 200, reply.text
    await settled(served)
    return reply.json()


async def read(served: Served, job_id: str, **query: Any) -> Transcript:
    reply = await served.client.get(f"/v1/jobs/{job_id}/transcript", params=query)
    assert reply.status_code == 200, reply.text
    return msgspec.json.decode(reply.content, type=Transcript)


async def test_a_name_and_a_correction_show_in_every_format(served: Served, done: str) -> None:
    view = await put(served, f"{done}/speakers/S1", name="  Ann\x00 <b> ")
    assert (view["names"], view["edited"]) == ({"S1": "Ann <b>"}, 0)
    view = await put(served, f"{done}/segments/0", text="Hello\n\x00\x1b <word>, & all.")
    assert (view["edited"], view["edits"]) == (1, [0])
    shown: dict[str, str] = {}
    for form in ("txt", "srt", "vtt", "json"):
        reply = await served.client.get(f"/v1/jobs/{done}/transcript", params={"format": form})
        shown[form] = reply.text
    assert shown["txt"] == "Ann <b>: Hello <word>, & all.\nS2: Bye.\n"
    assert "Ann <b>: Hello <word>, & all." in shown["srt"]
    assert "<v Ann &lt;b&gt;>Hello &lt;word&gt;, &amp; all." in shown["vtt"]
    words = msgspec.json.decode(shown["json"], type=Transcript).segments[0].words
    assert [(w.text, w.start, w.probability) for w in words] == [
        ("Hello", 0.2, 0.99), ("<word>,", 0.7, None), ("&", 1.3, 0.8), ("all.", 1.5, 0.97)
    ]  # fmt: skip
    assert await read(served, done, version="original") == SPOKEN
    await put(served, f"{done}/speakers/S1", name="")
    await put(served, f"{done}/segments/0", text=None)
    assert await read(served, done) == SPOKEN


async def test_the_etag_is_another_after_each_change_and_the_old_one_after_it_is_undone(
    served: Served, done: str
) -> None:
    async def etag(**query: str) -> str:
        reply = await served.client.get(f"/v1/jobs/{done}/transcript", params=query)
        again = {"if-none-match": reply.headers["etag"]}
        same = await served.client.get(f"/v1/jobs/{done}/transcript", params=query, headers=again)
        assert same.status_code == 304
        return reply.headers["etag"]

    seen = [await etag()]
    for path, body in (
        ("speakers/S1", {"name": "Ann"}), ("segments/1", {"text": "Good bye."}),
        ("segments/1", {"text": "Bye bye."}),
    ):  # fmt: skip
        await put(served, f"{done}/{path}", **body)
        fresh = await etag()
        assert fresh not in seen
        seen.append(fresh)
    assert await etag(version="original") == seen[0]
    await put(served, f"{done}/segments/1", text=None)
    assert await etag() == seen[1]


async def test_each_revision_shows_what_had_been_heard_and_said_by_then(
    served: Served, driver: Driver
) -> None:
    job_id = await post(served)
    aligned = replace(SPOKEN, language="fr")
    await driver.run(job_id, "prepare")
    await driver.start(job_id, "transcribe")
    telling = [(0, "Hello"), (1, "world"), (1, "and all")]
    for first, text in telling:
        hear = partial(
            decide.hear, stage="transcribe", token=1, first=first,
            segments=(Heard(start=float(first), end=first + 1.0, text=text),),
        )  # fmt: skip
        await driver.ledger.transition(job_id, lambda job, _: hear(job))  # noqa: B023 - at once
    heard = (await driver.state(job_id)).rev
    await driver.finish(job_id, "transcribe", aligned)
    transcribed = (await driver.state(job_id)).rev
    await driver.run(job_id, "merge", SPOKEN)
    merged = (await driver.state(job_id)).rev
    await settled(served)
    await put(served, f"{job_id}/speakers/S2", name="Ben")
    await put(served, f"{job_id}/segments/1", text="Good bye.")

    missing = await served.client.get(f"/v1/jobs/{job_id}/transcript", params={"at": heard - 3})
    assert missing.status_code == 404
    assert "nothing was heard yet" in missing.json()["detail"]
    texts = {
        rev: (await read(served, job_id, at=rev)).text for rev in (heard - 2, heard - 1, heard)
    }
    assert list(texts.values()) == ["Hello", "Hello world", "Hello and all"]
    assert await read(served, job_id, at=transcribed) == aligned
    assert await read(served, job_id, at=merged) == SPOKEN
    named = await read(served, job_id, at=merged + 1)
    assert (named.speakers[1].name, named.segments[1].text) == ("Ben", "Bye.")
    assert await read(served, job_id, at=merged + 2) == await read(served, job_id)
    assert await read(served, job_id, at=merged + 2, version="original") == SPOKEN
    late = await served.client.get(f"/v1/jobs/{job_id}/transcript", params={"at": merged + 3})
    assert late.status_code == 404
    assert f"latest archived is {merged + 2}" in late.json()["detail"]


async def test_of_a_job_that_masks_nothing_is_shown_before_it_is_masked(
    served: Served, driver: Driver
) -> None:
    job_id = await post(served, redact="true", wait_for_engines="true")
    for stage in ("prepare", "transcribe", "merge"):
        await driver.run(job_id, stage, SPOKEN)
    masked = replace(SPOKEN, segments=(Segment(0.2, 2.1, "[name]"),), redactions=(
        Redacted("person", 0.2, 0.6, 0),))  # fmt: skip
    before = (await driver.state(job_id)).rev
    await driver.run(job_id, "redact", masked)
    await settled(served)
    for rev in range(1, before + 1):
        reply = await served.client.get(f"/v1/jobs/{job_id}/transcript", params={"at": rev})
        assert reply.status_code == 404
        assert "not masked yet" in reply.json()["detail"]
    after = (await driver.state(job_id)).rev
    assert await read(served, job_id, at=after) == await read(served, job_id) == masked
    assert await read(served, job_id, version="original") == masked


async def test_what_there_is_not_is_refused_with_what_there_is(served: Served, done: str) -> None:
    for path, body, status, words in (
        ("speakers/S9", {"name": "x"}, 404, "There are: S1, S2."),
        ("segments/2", {"text": "x"}, 404, "counted from 0 to 1"),
        ("segments/-1", {"text": "x"}, 404, "counted from 0 to 1"),
        ("segments/one", {"text": "x"}, 404, "no segment 'one'"),
        ("segments/0", {}, 400, "text"),
        ("segments/0", {"text": 3}, 400, "text"),
        ("segments/0", {"text": "x" * (LONGEST_EDIT + 1)}, 400, "length"),
        ("segments/0", {"text": "\U0001f600" * LONGEST_EDIT}, 400, "correct it in parts"),
        ("speakers/S1", {"name": "x" * (LONGEST_NAME + 1)}, 400, "length"),
        ("speakers/S1", {"name": None}, 400, "name"),
        ("speakers/S1", {"name": "x", "of": "y"}, 400, "of"),
    ):
        reply = await served.client.put(f"/v1/jobs/{done}/{path}", json=body)
        assert reply.status_code == status, f"{path} {body}"
        assert words in reply.json()["detail"]
    fresh = await post(served, "other.wav")
    reply = await served.client.put(f"/v1/jobs/{fresh}/segments/0", json={"text": "x"})
    assert reply.status_code == 404
    assert "no transcript yet" in reply.json()["detail"]
    await served.client.delete(f"/v1/jobs/{done}")
    reply = await served.client.put(f"/v1/jobs/{done}/segments/0", json={"text": "x"})
    assert reply.status_code == 410
    for query in ({}, {"at": 14}, {"version": "original"}):
        reply = await served.client.get(f"/v1/jobs/{done}/transcript", params=query)
        assert reply.status_code == 410


async def test_it_may_be_said_twice_and_long_after_the_job_has_left_redis(
    served: Served, driver: Driver, done: str
) -> None:
    before = (await driver.state(done)).rev
    for _ in range(2):
        await put(served, f"{done}/speakers/S1", name="Ann")
    await driver.ledger.redis.unlink(driver.ledger.keys.job(done))
    view = await put(served, f"{done}/segments/1", text="Good bye.")
    assert (view["rev"], view["names"]) == (before + 2, {"S1": "Ann"})
    assert (await read(served, done)).segments[1].text == "Good bye."
