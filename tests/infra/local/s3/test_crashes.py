"""Our S3 when clients leave and processes die: nothing half made is ever seen."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session

from infra.local import objectstore
from infra.local.child import Child

MIB = 1 << 20
SIZE = 64 * MIB


@asynccontextmanager
async def serving(data: Path) -> AsyncIterator[tuple[objectstore.Endpoint, Child]]:
    endpoint = objectstore.listen("key", "secret")
    child = Child(
        objectstore.program(endpoint=endpoint, data=data, log=data / "s3.log", environ={})
    )
    await child.start()
    yield endpoint, child
    await child.stop()
    endpoint.close()


@asynccontextmanager
async def client_of(endpoint: objectstore.Endpoint) -> AsyncIterator[Any]:
    config = AioConfig(
        s3={"addressing_style": "path"}, signature_version="s3v4", retries={"max_attempts": 2}
    )
    async with get_session().create_client(
        "s3", endpoint_url=endpoint.url, region_name="us-east-1", aws_access_key_id="key",
        aws_secret_access_key="secret", config=config,
    ) as client:  # fmt: skip
        yield client


async def begin(url: str, sent: int) -> asyncio.StreamWriter:
    """Start a PUT of SIZE bytes to a presigned URL, and stop after `sent` of them."""
    host, port = url.split("/")[2].split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    path = "/" + url.split("/", 3)[3]
    head = f"PUT {path} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-length: {SIZE}\r\n\r\n"
    writer.write(head.encode() + os.urandom(sent))
    await writer.drain()
    return writer


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


async def until(condition: Any) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("key", ["old", "new"])
async def test_an_upload_that_is_cut_off_leaves_nothing(tmp_path: Path, key: str) -> None:
    async with serving(tmp_path) as (endpoint, _), client_of(endpoint) as s3:
        await s3.create_bucket(Bucket="bucket")
        await s3.put_object(Bucket="bucket", Key="old", Body=b"old")
        url = await s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": key})
        writer = await begin(url, SIZE // 2)
        await until(lambda: files(tmp_path / "drafts"))
        writer.close()
        await until(lambda: not files(tmp_path / "drafts"))
        listed = await s3.list_objects_v2(Bucket="bucket")
        assert [(c["Key"], c["Size"]) for c in listed["Contents"]] == [("old", 3)]


@pytest.mark.parametrize("key", ["old", "new"])
async def test_a_server_killed_during_an_upload_shows_nothing_of_it(
    tmp_path: Path, key: str
) -> None:
    async with serving(tmp_path) as (endpoint, child), client_of(endpoint) as s3:
        await s3.create_bucket(Bucket="bucket")
        await s3.put_object(Bucket="bucket", Key="old", Body=b"old", Metadata={"kept": "yes"})
        url = await s3.generate_presigned_url("put_object", Params={"Bucket": "bucket", "Key": key})
        writer = await begin(url, SIZE - 1)
        await until(lambda: files(tmp_path / "drafts"))
        killed = child.pid
        assert killed
        os.kill(killed, signal.SIGKILL)
        await until(lambda: child.pid not in (None, killed))
        listed = await s3.list_objects_v2(Bucket="bucket")  # the address stayed the same
        assert [(c["Key"], c["Size"]) for c in listed["Contents"]] == [("old", 3)]
        assert (await s3.head_object(Bucket="bucket", Key="old"))["Metadata"] == {"kept": "yes"}
        assert not files(tmp_path / "drafts")
        writer.close()


async def test_objects_and_uploads_outlive_a_restart(tmp_path: Path) -> None:
    async with serving(tmp_path) as (endpoint, _), client_of(endpoint) as s3:
        await s3.create_bucket(Bucket="bucket")
        await s3.put_object(Bucket="bucket", Key="k", Body=b"x", ContentType="text/plain")
        made = await s3.create_multipart_upload(Bucket="bucket", Key="parts")
        names = {"Bucket": "bucket", "Key": "parts", "UploadId": made["UploadId"]}
        part = await s3.upload_part(**names, PartNumber=1, Body=b"part")
    async with serving(tmp_path) as (endpoint, _), client_of(endpoint) as s3:
        assert (await s3.head_object(Bucket="bucket", Key="k"))["ContentType"] == "text/plain"
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        await s3.complete_multipart_upload(**names, MultipartUpload=parts)
        assert (await s3.head_object(Bucket="bucket", Key="parts"))["ContentLength"] == 4


async def test_it_stays_small_however_large_the_object(tmp_path: Path) -> None:
    async with serving(tmp_path) as (endpoint, child), client_of(endpoint) as s3:
        process = psutil.Process(child.pid)
        assert process.memory_info().rss < 40 * MIB
        await s3.create_bucket(Bucket="bucket")
        await s3.put_object(Bucket="bucket", Key="k", Body=bytes(SIZE))
        async with (await s3.get_object(Bucket="bucket", Key="k"))["Body"] as stream:
            received = 0
            while chunk := await stream.read(MIB):
                received += len(chunk)
        assert received == SIZE
        assert process.memory_info().rss < 56 * MIB


async def test_a_damaged_file_is_an_error_and_not_an_object(tmp_path: Path) -> None:
    async with serving(tmp_path) as (endpoint, _), client_of(endpoint) as s3:
        await s3.create_bucket(Bucket="bucket")
        await s3.put_object(Bucket="bucket", Key="k", Body=b"x" * 1000)
        with (tmp_path / "buckets/bucket/k=").open("r+b") as file:
            file.truncate(500)
        with pytest.raises(s3.exceptions.ClientError) as error:
            await s3.get_object(Bucket="bucket", Key="k")
        assert error.value.response["Error"]["Code"] == "InternalError"


async def test_a_disk_that_takes_no_more_is_said_and_nothing_is_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as (endpoint, child), client_of(endpoint) as s3:
        await s3.create_bucket(Bucket="bucket")
        await s3.put_object(Bucket="bucket", Key="small", Body=b"x")
        psutil.Process(child.pid).rlimit(psutil.RLIMIT_FSIZE, (MIB, MIB))  # no file gets longer
        for size in (MIB, 8 * MIB):  # one fails when it is published, one while it is written
            with pytest.raises(s3.exceptions.ClientError) as error:
                await s3.put_object(Bucket="bucket", Key="large", Body=bytes(size))
            assert error.value.response["Error"]["Code"] == "InsufficientStorage"
        assert not files(tmp_path / "drafts")
        listed = await s3.list_objects_v2(Bucket="bucket")
        assert [c["Key"] for c in listed["Contents"]] == ["small"]
        await s3.put_object(Bucket="bucket", Key="another", Body=b"x")
