"""One contract for the artifact store and for its twin in memory."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from streams.artifacts import PART, Artifacts
from streams.errors import ArtifactCorrupt, ArtifactMissing
from streams.events import Artifact
from streams.settings import Settings
from streams.testing import MemoryArtifacts
from streams.transcript import Transcript


@pytest.fixture(params=["memory", "s3"])
async def artifacts(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Artifacts]:
    if request.param == "memory":
        yield MemoryArtifacts()
        return
    async with Artifacts(settings) as store:
        yield store


async def stream(data: bytes, size: int = 1_000_000) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


@pytest.mark.parametrize("size", [0, 1, 1000, PART, PART + 1])
async def test_what_is_put_is_got(artifacts: Artifacts, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    put = await artifacts.put_stream("jobs/j/source", stream(data), "audio/wav")
    assert (put.bytes, put.media_type) == (size, "audio/wav")
    assert put.uri == f"s3://{artifacts.bucket}/jobs/j/source"
    assert await artifacts.get(put) == data


async def test_the_same_bytes_may_be_put_again_and_others_may_not(artifacts: Artifacts) -> None:
    first = await artifacts.put("jobs/j/a/1/x", b"same", "text/plain")
    assert await artifacts.put("jobs/j/a/1/x", b"same", "text/plain") == first
    with pytest.raises(ArtifactCorrupt, match="exists with other bytes"):
        await artifacts.put("jobs/j/a/1/x", b"different", "text/plain")
    assert await artifacts.get(first) == b"same"


async def test_a_value_comes_back_typed(artifacts: Artifacts) -> None:
    value = Transcript(duration=1.5, segments=(), language="en")
    put = await artifacts.put_value("jobs/j/a/1/output.json", value)
    assert put.media_type == "application/json"
    assert await artifacts.get_value(put, Transcript) == value


async def test_a_file_goes_and_comes(artifacts: Artifacts, tmp_path: Any) -> None:
    (tmp_path / "a").write_bytes(b"x" * 300_000)
    put = await artifacts.put_file("jobs/j/a/1/file", tmp_path / "a", "audio/wav")
    await artifacts.get_file(put, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b"x" * 300_000


async def test_what_is_not_there_or_not_itself_is_said(artifacts: Artifacts) -> None:
    put = await artifacts.put("jobs/j/a/1/x", b"1234", "text/plain")
    for wrong in (
        Artifact(put.uri, put.sha256, 5),
        Artifact(put.uri, "0" * 64, put.bytes),
    ):
        with pytest.raises(ArtifactCorrupt, match="has 4 bytes and sha256 03ac"):
            await artifacts.get(wrong)
    with pytest.raises(ArtifactMissing, match="not in the store"):
        await artifacts.get(Artifact(f"s3://{artifacts.bucket}/nope", put.sha256, 4))
    with pytest.raises(ArtifactMissing, match="an erased artifact"):
        await artifacts.get(Artifact("", "", 0))
    with pytest.raises(ArtifactMissing, match="is no object in S3"):
        await artifacts.get(Artifact("file:///etc/passwd", put.sha256, 4))


async def test_what_was_written_in_another_bucket_is_found_when_the_objects_have_moved(
    artifacts: Artifacts,
) -> None:
    put = await artifacts.put("jobs/j/a/1/x", b"1234", "text/plain")
    of_old = Artifact("s3://the-bucket-of-before/jobs/j/a/1/x", put.sha256, put.bytes)
    assert await artifacts.get(of_old) == b"1234"


async def test_keys_are_listed_and_an_unknown_object_is_copied(
    artifacts: Artifacts, tmp_path: Any
) -> None:
    put = await artifacts.put("jobs/j/a/1/x", b"1234", "text/plain")
    await artifacts.put("jobs/k/source", b"1", "text/plain")
    assert [key async for key in artifacts.keys("jobs/j/")] == ["jobs/j/a/1/x"]
    copied = await artifacts.copy_to("jobs/j/a/1/x", tmp_path / "x")
    assert (copied.uri, copied.sha256, copied.bytes) == (put.uri, put.sha256, put.bytes)
    assert (tmp_path / "x").read_bytes() == b"1234"
    with pytest.raises(ArtifactMissing, match="jobs/j/nope is not in the store"):
        await artifacts.copy_to("jobs/j/nope", tmp_path / "y")


@pytest.mark.parametrize("size", [10, PART + 10])
async def test_an_upload_that_breaks_off_leaves_nothing(artifacts: Artifacts, size: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * size
        raise ConnectionError("the client went away")

    with pytest.raises(ConnectionError):
        await artifacts.put_stream("jobs/j/source", broken(), "audio/wav")
    with pytest.raises(ArtifactMissing):
        await artifacts.get(Artifact(f"s3://{artifacts.bucket}/jobs/j/source", "0" * 64, size))
    assert await artifacts.erase("j") == 0


async def test_erasing_takes_one_jobs_objects_and_no_other(artifacts: Artifacts) -> None:
    for key in ("jobs/j/source", "jobs/j/a/1/x", "jobs/jj/source"):
        await artifacts.put(key, b"1", "text/plain")
    assert await artifacts.erase("j") == 2
    assert await artifacts.erase("j") == 0
    assert await artifacts.erase("jj") == 1


async def test_the_bucket_is_made_once(artifacts: Artifacts) -> None:
    await artifacts.create_bucket()
    await artifacts.create_bucket()
    await artifacts.probe()
