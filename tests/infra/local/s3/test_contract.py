"""What an S3 client may expect, asked by aiobotocore of the real process."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

MIB = 1 << 20


async def body(answer: dict[str, Any]) -> bytes:
    async with answer["Body"] as stream:
        data: bytes = await stream.read()
    return data


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


async def test_an_object_comes_back_with_its_bytes_type_and_metadata(
    s3_client: Any, bucket: str
) -> None:
    data = os.urandom(3 * MIB)
    put = await s3_client.put_object(
        Bucket=bucket, Key="a/b c/ü=%.bin", Body=data, ContentType="audio/flac",
        Metadata={"sha256": hashlib.sha256(data).hexdigest()},
    )  # fmt: skip
    got = await s3_client.get_object(Bucket=bucket, Key="a/b c/ü=%.bin")
    assert await body(got) == data
    assert got["ContentType"] == "audio/flac"
    assert got["Metadata"] == {"sha256": hashlib.sha256(data).hexdigest()}
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(data).hexdigest()}"'
    head = await s3_client.head_object(Bucket=bucket, Key="a/b c/ü=%.bin")
    assert head["ContentLength"] == len(data)
    assert head["Metadata"] == got["Metadata"]


async def test_an_empty_object_is_an_object(s3_client: Any, bucket: str) -> None:
    await s3_client.put_object(Bucket=bucket, Key="empty", Body=b"")
    got = await s3_client.get_object(Bucket=bucket, Key="empty")
    assert await body(got) == b""
    assert got["ETag"] == '"d41d8cd98f00b204e9800998ecf8427e"'


async def test_a_later_put_replaces_an_earlier_one(s3_client: Any, bucket: str) -> None:
    for data in (b"one", b"two"):
        await s3_client.put_object(Bucket=bucket, Key="k", Body=data)
    assert await body(await s3_client.get_object(Bucket=bucket, Key="k")) == b"two"


async def test_what_is_deleted_or_never_was_is_not_found(s3_client: Any, bucket: str) -> None:
    await s3_client.put_object(Bucket=bucket, Key="a/b/c", Body=b"x")
    for _ in range(2):  # the second time there is nothing left to delete
        await s3_client.delete_object(Bucket=bucket, Key="a/b/c")
    with pytest.raises(ClientError) as error:
        await s3_client.get_object(Bucket=bucket, Key="a/b/c")
    assert refused(error) == (404, "NoSuchKey")
    with pytest.raises(ClientError) as error:
        await s3_client.head_object(Bucket=bucket, Key="a/b/c")
    assert refused(error)[0] == 404
    with pytest.raises(ClientError) as error:
        await s3_client.get_object(Bucket="no-such-bucket", Key="a")
    assert refused(error) == (404, "NoSuchBucket")


@pytest.mark.parametrize(
    ("header", "expected", "described"),
    [
        ("bytes=0-0", b"0", "bytes 0-0/10"),
        ("bytes=2-5", b"2345", "bytes 2-5/10"),
        ("bytes=7-", b"789", "bytes 7-9/10"),
        ("bytes=7-99", b"789", "bytes 7-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=-99", b"0123456789", "bytes 0-9/10"),
    ],
)
async def test_a_range_is_answered_with_206(
    s3_client: Any, bucket: str, header: str, expected: bytes, described: str
) -> None:
    await s3_client.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = await s3_client.get_object(Bucket=bucket, Key="digits", Range=header)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert await body(got) == expected
    assert got["ContentRange"] == described
    head = await s3_client.head_object(Bucket=bucket, Key="digits", Range=header)
    assert head["ContentLength"] == len(expected)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=-0", "bytes=99-100"])
async def test_a_range_without_a_byte_is_refused(s3_client: Any, bucket: str, header: str) -> None:
    await s3_client.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    with pytest.raises(ClientError) as error:
        await s3_client.get_object(Bucket=bucket, Key="digits", Range=header)
    assert refused(error) == (416, "InvalidRange")


async def test_a_listing_pages_in_byte_order(s3_client: Any, bucket: str) -> None:
    keys = [f"p/{n:02d}" for n in range(7)] + ["p/a", "p/ä", "p", "p/a/b", "q", "p//", "p/é+&<.x"]
    for key in keys:
        await s3_client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    found: list[str] = []
    pages = s3_client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix="p", PaginationConfig={"PageSize": 3}
    )
    async for page in pages:
        assert len(page["Contents"]) <= 3
        found += [item["Key"] for item in page["Contents"]]
    assert found == sorted((k for k in keys if k.startswith("p")), key=str.encode)
    first = await s3_client.list_objects_v2(Bucket=bucket, MaxKeys=1)
    assert first["Contents"][0]["Size"] == 1
    assert first["IsTruncated"]


async def test_a_listing_folds_what_follows_the_delimiter(s3_client: Any, bucket: str) -> None:
    for key in ("j/1/a", "j/1/b", "j/2/a", "j/top", "other"):
        await s3_client.put_object(Bucket=bucket, Key=key, Body=b"")
    found = await s3_client.list_objects_v2(Bucket=bucket, Prefix="j/", Delimiter="/")
    assert [p["Prefix"] for p in found["CommonPrefixes"]] == ["j/1/", "j/2/"]
    assert [c["Key"] for c in found["Contents"]] == ["j/top"]
    old: list[str] = []
    pages = s3_client.get_paginator("list_objects").paginate(
        Bucket=bucket, Prefix="j/", Delimiter="/", PaginationConfig={"PageSize": 1}
    )
    async for page in pages:
        old += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        old += [c["Key"] for c in page.get("Contents", [])]
    assert old == ["j/1/", "j/2/", "j/top"]
    after = await s3_client.list_objects_v2(Bucket=bucket, StartAfter="j/2/a")
    assert [c["Key"] for c in after["Contents"]] == ["j/top", "other"]


async def test_many_objects_are_deleted_at_once(s3_client: Any, bucket: str) -> None:
    for n in range(5):
        await s3_client.put_object(Bucket=bucket, Key=f"d/{n}", Body=b"")
    objects = [{"Key": f"d/{n}"} for n in range(4)] + [{"Key": "never"}]
    answer = await s3_client.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    assert len(answer["Deleted"]) == 5
    left = await s3_client.list_objects_v2(Bucket=bucket)
    assert [c["Key"] for c in left["Contents"]] == ["d/4"]


async def test_a_copy_keeps_bytes_and_metadata(s3_client: Any, bucket: str) -> None:
    await s3_client.put_object(Bucket=bucket, Key="x y", Body=b"data", Metadata={"m": "1"})
    source = {"Bucket": bucket, "Key": "x y"}
    await s3_client.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    got = await s3_client.get_object(Bucket=bucket, Key="copy")
    assert (await body(got), got["Metadata"]) == (b"data", {"m": "1"})


async def test_if_none_match_lets_exactly_one_of_many_win(s3_client: Any, bucket: str) -> None:
    async def put(n: int) -> int:
        data = bytes([n])
        try:
            await s3_client.put_object(Bucket=bucket, Key="race", Body=data, IfNoneMatch="*")
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    answers = await asyncio.gather(*(put(n) for n in range(16)))
    assert sorted(answers) == [200] + [412] * 15
    kept = await body(await s3_client.get_object(Bucket=bucket, Key="race"))
    assert kept == bytes([answers.index(200)])


async def test_a_read_is_conditional_on_the_etag(s3_client: Any, bucket: str) -> None:
    etag = (await s3_client.put_object(Bucket=bucket, Key="k", Body=b"x"))["ETag"]
    await s3_client.get_object(Bucket=bucket, Key="k", IfMatch=etag)
    with pytest.raises(ClientError) as error:
        await s3_client.get_object(Bucket=bucket, Key="k", IfNoneMatch=etag)
    assert refused(error)[0] == 304
    with pytest.raises(ClientError) as error:
        await s3_client.get_object(Bucket=bucket, Key="k", IfMatch='"other"')
    assert refused(error)[0] == 412


async def upload(s3_client: Any, bucket: str, key: str, parts: list[bytes]) -> dict[str, Any]:
    """Send parts, last first; return the arguments that complete the upload."""
    made = await s3_client.create_multipart_upload(
        Bucket=bucket, Key=key, ContentType="audio/wav", Metadata={"n": str(len(parts))}
    )
    names = {"Bucket": bucket, "Key": key, "UploadId": made["UploadId"]}
    sent = [
        (n, await s3_client.upload_part(**names, PartNumber=n, Body=parts[n - 1]))
        for n in range(len(parts), 0, -1)
    ]
    chosen = [{"PartNumber": n, "ETag": part["ETag"]} for n, part in sorted(sent)]
    return {**names, "MultipartUpload": {"Parts": chosen}}


async def test_parts_become_one_object(s3_client: Any, bucket: str) -> None:
    parts = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"end"]
    arguments = await upload(s3_client, bucket, "big", parts)
    listed = await s3_client.list_parts(**{k: arguments[k] for k in ("Bucket", "Key", "UploadId")})
    assert [p["Size"] for p in listed["Parts"]] == [len(p) for p in parts]
    assert "Contents" not in await s3_client.list_objects_v2(Bucket=bucket)
    done = await s3_client.complete_multipart_upload(**arguments)
    got = await s3_client.get_object(Bucket=bucket, Key="big")
    assert await body(got) == b"".join(parts)
    assert got["ETag"] == done["ETag"]
    assert got["ETag"].endswith('-3"')
    assert (got["ContentType"], got["Metadata"]) == ("audio/wav", {"n": "3"})
    assert "Uploads" not in await s3_client.list_multipart_uploads(Bucket=bucket)


async def test_who_asks_again_while_parts_are_joined_waits_for_the_same_join(
    s3_client: Any, bucket: str, home: Path
) -> None:
    parts = [os.urandom(20 * MIB), os.urandom(20 * MIB)]
    arguments = await upload(s3_client, bucket, "big", parts)
    asked = asyncio.gather(*(s3_client.complete_multipart_upload(**arguments) for _ in range(5)))
    seen = 0
    while not asked.done():
        seen = max(seen, sum(1 for _ in (home / "s3" / "drafts").iterdir()))
        await asyncio.sleep(0.001)
    assert len({one["ETag"] for one in await asked}) == 1
    assert seen == 1
    assert await body(await s3_client.get_object(Bucket=bucket, Key="big")) == b"".join(parts)


async def test_a_conditional_upload_in_parts_does_not_overwrite(
    s3_client: Any, bucket: str
) -> None:
    arguments = await upload(s3_client, bucket, "k", [b"late"])
    await s3_client.put_object(Bucket=bucket, Key="k", Body=b"early")
    with pytest.raises(ClientError) as error:
        await s3_client.complete_multipart_upload(**arguments, IfNoneMatch="*")
    assert refused(error) == (412, "PreconditionFailed")
    assert await body(await s3_client.get_object(Bucket=bucket, Key="k")) == b"early"


async def test_wrong_parts_are_refused(s3_client: Any, bucket: str) -> None:
    arguments = await upload(s3_client, bucket, "k", [b"small", b"end"])
    with pytest.raises(ClientError) as error:
        await s3_client.complete_multipart_upload(**arguments)
    assert refused(error) == (400, "EntityTooSmall")
    arguments["MultipartUpload"]["Parts"].reverse()
    with pytest.raises(ClientError) as error:
        await s3_client.complete_multipart_upload(**arguments)
    assert refused(error) == (400, "InvalidPartOrder")
    arguments["MultipartUpload"]["Parts"] = [{"PartNumber": 7, "ETag": '"none"'}]
    with pytest.raises(ClientError) as error:
        await s3_client.complete_multipart_upload(**arguments)
    assert refused(error) == (400, "InvalidPart")


async def test_an_aborted_upload_leaves_nothing(s3_client: Any, bucket: str) -> None:
    arguments = await upload(s3_client, bucket, "k", [b"x"])
    names = {k: arguments[k] for k in ("Bucket", "Key", "UploadId")}
    listed = await s3_client.list_multipart_uploads(Bucket=bucket)
    assert [u["UploadId"] for u in listed["Uploads"]] == [names["UploadId"]]
    await s3_client.abort_multipart_upload(**names)
    with pytest.raises(ClientError) as error:
        await s3_client.complete_multipart_upload(**arguments)
    assert refused(error) == (404, "NoSuchUpload")


async def test_presigned_urls_read_and_write_until_they_expire(s3_client: Any, bucket: str) -> None:
    names = {"Bucket": bucket, "Key": "a b/c+d"}
    write = await s3_client.generate_presigned_url("put_object", Params=names, ExpiresIn=60)
    read = await s3_client.generate_presigned_url(
        "get_object",
        Params={**names, "ResponseContentDisposition": 'attachment; filename="x"'},
        ExpiresIn=60,
    )
    short = await s3_client.generate_presigned_url("get_object", Params=names, ExpiresIn=1)
    async with httpx.AsyncClient() as http:
        assert (await http.put(write, content=b"hello")).status_code == 200
        got = await http.get(read)
        assert (got.status_code, got.content) == (200, b"hello")
        assert got.headers["content-disposition"] == 'attachment; filename="x"'
        assert (await http.get(read, headers={"Range": "bytes=-2"})).content == b"lo"
        assert (await http.delete(write)).status_code == 403  # it was signed for PUT
        assert (await http.get(read.replace("a%20b", "a%20c"))).status_code == 403
        await asyncio.sleep(2.1)
        expired = await http.get(short)
        assert expired.status_code == 403
        assert "expired" in expired.text


@pytest.fixture
async def stranger(s3: Any) -> AsyncIterator[Any]:
    """A client with the right name and the wrong secret."""
    async with get_session().create_client(
        "s3", endpoint_url=s3.url, region_name="us-east-1", aws_access_key_id=s3.access_key,
        aws_secret_access_key="wrong", config=AioConfig(s3={"addressing_style": "path"}),
    ) as client:  # fmt: skip
        yield client


async def test_strangers_are_refused(s3: Any, s3_client: Any, stranger: Any, bucket: str) -> None:
    await s3_client.put_object(Bucket=bucket, Key="k", Body=b"secret")
    with pytest.raises(ClientError) as error:
        await stranger.get_object(Bucket=bucket, Key="k")
    assert refused(error) == (403, "SignatureDoesNotMatch")
    with pytest.raises(ClientError) as error:
        await stranger.put_object(Bucket=bucket, Key="mine", Body=b"x" * MIB)
    assert refused(error) == (403, "SignatureDoesNotMatch")
    async with httpx.AsyncClient() as http:
        for path in ("/", f"/{bucket}", f"/{bucket}/k"):
            answer = await http.get(s3.url + path)
            assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


async def test_default_client_settings_work_too(s3: Any, bucket: str) -> None:
    async with get_session().create_client(
        "s3", endpoint_url=s3.url, region_name="eu-central-1", aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key,
    ) as client:  # fmt: skip
        await client.put_object(Bucket=bucket, Key="k", Body=b"checksummed")
        assert await body(await client.get_object(Bucket=bucket, Key="k")) == b"checksummed"


async def test_a_body_that_does_not_match_its_checksum_is_not_kept(
    s3: Any, s3_client: Any, bucket: str
) -> None:
    impatient = AioConfig(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
    async with get_session().create_client(
        "s3", endpoint_url=s3.url, region_name="us-east-1", aws_access_key_id=s3.access_key,
        aws_secret_access_key=s3.secret_key, config=impatient,
    ) as client:  # fmt: skip
        for wrong in ({"ChecksumCRC32": "AAAAAA=="}, {"ContentMD5": "A" * 22 + "=="}):
            with pytest.raises(ClientError) as error:
                await client.put_object(Bucket=bucket, Key="k", Body=b"hello", **wrong)
            assert refused(error) == (400, "BadDigest")
    assert "Contents" not in await s3_client.list_objects_v2(Bucket=bucket)


async def test_names_that_cannot_be_are_refused(s3_client: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        await s3_client.put_object(Bucket=bucket, Key="k" * 300, Body=b"")
    assert refused(error) == (400, "KeyTooLongError")
    with pytest.raises(ClientError) as error:
        await s3_client.create_bucket(Bucket="healthz")
    assert refused(error) == (400, "InvalidBucketName")
    with pytest.raises(ClientError) as error:
        await s3_client.create_bucket(Bucket=bucket)
    assert refused(error) == (409, "BucketAlreadyOwnedByYou")


async def test_dots_in_keys_stay_inside_the_bucket(s3: Any, s3_client: Any, bucket: str) -> None:
    for key in ("..", "../up", "a/../../b", ".", "..."):
        await s3_client.put_object(Bucket=bucket, Key=key, Body=key.encode())
    listed = await s3_client.list_objects_v2(Bucket=bucket)
    assert [c["Key"] for c in listed["Contents"]] == sorted(
        ["..", "../up", "a/../../b", ".", "..."]
    )
    assert await body(await s3_client.get_object(Bucket=bucket, Key="../up")) == b"../up"


async def test_a_bucket_with_objects_is_not_deleted(s3_client: Any, bucket: str) -> None:
    await s3_client.put_object(Bucket=bucket, Key="a/b", Body=b"")
    with pytest.raises(ClientError) as error:
        await s3_client.delete_bucket(Bucket=bucket)
    assert refused(error) == (409, "BucketNotEmpty")
    await s3_client.delete_object(Bucket=bucket, Key="a/b")
    await s3_client.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        await s3_client.head_bucket(Bucket=bucket)
    assert refused(error)[0] == 404


async def test_what_is_not_served_is_refused_by_name(s3_client: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as error:
        await s3_client.get_bucket_versioning(Bucket=bucket)
    assert refused(error) == (501, "NotImplemented")
