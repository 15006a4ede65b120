"""Artifacts in S3 through aiobotocore: written once, named by attempt, checked by sha256."""

import hashlib
from collections.abc import AsyncIterator, Container
from contextlib import AsyncExitStack, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError
from botocore.loaders import Loader

from streams.errors import ArtifactCorrupt, ArtifactMissing
from streams.events import Artifact
from streams.settings import Settings
from streams.skew import correct

T = TypeVar("T")

PART = 8 * 1024 * 1024
"""Bytes of one part of a large upload, which is all of it that is ever in memory."""
CHUNK = 256 * 1024
PIECE = 1024 * 1024
"""Bytes that are asked for at once of what is read by somebody who may be slow."""


class OwnEndpoint(Loader):  # type: ignore[misc]
    """For a store with an address of its own: botocore's table of all of Amazon's takes 8 MB."""

    def load_data_with_path(self, name: str) -> Any:
        """As ever, but of the table of regions only what names S3 itself."""
        if name != "endpoints":
            return super().load_data_with_path(name)
        s3 = {
            "defaults": {"signatureVersions": ["s3v4"]},
            "endpoints": {"aws-global": {"hostname": "s3.amazonaws.com"}},
            "partitionEndpoint": "aws-global",
        }
        partition = {
            "partition": "aws",
            "dnsSuffix": "amazonaws.com",
            "regionRegex": ".*",
            "defaults": {"hostname": "{service}.{region}.{dnsSuffix}", "protocols": ["https"]},
            "regions": {},
            "services": {"s3": s3},
        }
        return {"partitions": [partition]}, ""


def key_of(job: str, stage: str, token: int, name: str) -> str:
    """The key of an attempt's object: two attempts never write the same one."""
    return f"jobs/{job}/{stage}/{token}/{name}"


def source_key(job: str) -> str:
    """The key of the audio that was submitted."""
    return f"jobs/{job}/source"


class Stored(msgspec.Struct, frozen=True):
    """An object as a listing shows it; ``at`` is when it was written, by the store's clock."""

    key: str
    at: datetime


class Artifacts:
    """One bucket. Use as an async context manager; one for each process."""

    def __init__(self, settings: Settings) -> None:
        self.bucket = settings.s3_bucket
        self._stack = AsyncExitStack()
        self._settings = settings
        self._s3: Any = None

    async def __aenter__(self) -> Self:
        s = self._settings
        config = AioConfig(
            connect_timeout=5,
            read_timeout=60,
            # Not "adaptive": that waits by the wall clock, for as long as it is put back.
            retries={"max_attempts": 8, "mode": "standard"},
            max_pool_connections=32,
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"} if s.s3_url else {},
        )
        session = get_session()
        if s.s3_url:
            session.register_component("data_loader", OwnEndpoint())
        client = session.create_client(
            "s3",
            endpoint_url=s.s3_url or None,
            region_name=s.s3_region,
            aws_access_key_id=s.s3_access_key or None,
            aws_secret_access_key=s.s3_secret_key or None,
            config=config,
        )
        self._s3 = await self._stack.enter_async_context(client)
        correct(self._s3)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def probe(self) -> None:
        """Raise when the bucket cannot be reached."""
        await self._s3.head_bucket(Bucket=self.bucket)

    async def create_bucket(self) -> None:
        """Make the bucket unless it is there."""
        try:
            await self._s3.create_bucket(Bucket=self.bucket)
        except ClientError as error:
            if _code(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise

    async def put(self, key: str, data: bytes, media_type: str) -> Artifact:
        """Write a small object once; a key that holds these very bytes already is fine.

        Raises:
            ArtifactCorrupt: the key holds other bytes.
        """
        made = Artifact(
            uri=f"s3://{self.bucket}/{key}",
            sha256=hashlib.sha256(data).hexdigest(),
            bytes=len(data),
            media_type=media_type,
        )
        try:
            await self._s3.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType=media_type,
                Metadata={"sha256": made.sha256},
                IfNoneMatch="*",
            )
        except ClientError as error:
            if _code(error) not in {"PreconditionFailed", "412"}:
                raise
            await self._same(key, made)
        return made

    async def put_value(self, key: str, value: msgspec.Struct) -> Artifact:
        """Write a typed value as JSON."""
        return await self.put(key, msgspec.json.encode(value), "application/json")

    async def put_file(self, key: str, path: Path, media_type: str) -> Artifact:
        """Write a file of any size."""
        return await self.put_stream(key, _chunks(path), media_type)

    async def put_stream(self, key: str, chunks: AsyncIterator[bytes], media_type: str) -> Artifact:
        """Write what comes in, hashing as it goes; an iterator that raises leaves no object.

        A stream of up to PART bytes is one conditional put, a longer one a multipart upload.
        """
        digest, size, buffer = hashlib.sha256(), 0, bytearray()
        parts: list[dict[str, Any]] = []
        upload = ""
        try:
            async for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                buffer += chunk
                while len(buffer) >= PART:
                    upload = upload or await self.begin(key, media_type)
                    with memoryview(buffer) as view:
                        part = bytes(view[:PART])
                    del buffer[:PART]  # before the store has it: it is in memory once
                    parts.append(await self.part(key, upload, len(parts) + 1, part))
            if not upload:
                return await self.put(key, bytes(buffer), media_type)
            if buffer:
                parts.append(await self.part(key, upload, len(parts) + 1, bytes(buffer)))
            await self.complete(key, upload, parts, size)
        except BaseException:
            if upload:
                with suppress(BotoCoreError, ClientError):  # what failed first is what counts
                    await self.abort(key, upload)
            raise
        return Artifact(
            uri=f"s3://{self.bucket}/{key}",
            sha256=digest.hexdigest(),
            bytes=size,
            media_type=media_type,
        )

    async def get(self, artifact: Artifact) -> bytes:
        """A small object whole, checked.

        Raises:
            ArtifactMissing, ArtifactCorrupt.
        """
        return b"".join([chunk async for chunk in self.stream(artifact)])

    async def get_value(self, artifact: Artifact, kind: type[T]) -> T:
        """A typed value from its JSON."""
        return msgspec.json.decode(await self.get(artifact), type=kind)

    async def get_file(self, artifact: Artifact, path: Path) -> None:
        """An object into a file, checked."""
        with path.open("wb") as file:
            async for chunk in self.stream(artifact):
                file.write(chunk)

    async def stream(self, artifact: Artifact) -> AsyncIterator[bytes]:
        """An object's bytes as they come; the check of size and sha256 is at the end."""
        digest, size = hashlib.sha256(), 0
        reply = await self._reply(key_in(artifact.uri))
        async with reply["Body"] as body:
            async for chunk in body.iter_chunks(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                yield chunk
        self._verify(artifact, size, digest.hexdigest())

    async def span(self, artifact: Artifact, start: int, stop: int) -> AsyncIterator[bytes]:
        """Its bytes from ``start`` up to ``stop``: no others leave the store.

        Each PIECE is asked for by itself, so that whoever takes them slowly holds no connection.
        What they are is not checked, for that takes the whole object.

        Raises:
            ArtifactMissing; ArtifactCorrupt when so many are not there.
        """
        for at in range(start, stop, PIECE):
            size = min(PIECE, stop - at)
            reply = await self._reply(key_in(artifact.uri), Range=f"bytes={at}-{at + size - 1}")
            async with reply["Body"] as body:
                piece = await body.read()
            if len(piece) != size:
                raise ArtifactCorrupt(f"{artifact.uri} gave {len(piece)} bytes of {size}")
            yield piece

    async def described(self, key: str) -> Artifact:
        """An object that nobody described yet, read once to the end.

        Raises:
            ArtifactMissing: there is none. ArtifactCorrupt: it broke off.
        """
        digest, size = hashlib.sha256(), 0
        reply = await self._reply(key)
        async with reply["Body"] as body:
            async for chunk in body.iter_chunks(CHUNK):
                digest.update(chunk)
                size += len(chunk)
        return self._found(key, reply, size, digest.hexdigest())

    async def erase(self, job: str) -> int:
        """Delete every object of a job; how many there were."""
        count = 0
        async for key in self.keys(f"jobs/{job}/"):
            await self.delete(key)
            count += 1
        return count

    async def keys(self, prefix: str) -> AsyncIterator[str]:
        """The keys of all objects that begin so."""
        async for page in self.pages(prefix):
            for stored in page:
                yield stored.key

    async def pages(self, prefix: str) -> AsyncIterator[list[Stored]]:
        """All objects whose keys begin so, in their order, a thousand or so at a time."""
        pages = self._s3.get_paginator("list_objects_v2")
        async for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
            yield [Stored(one["Key"], one["LastModified"]) for one in page.get("Contents", ())]

    async def delete(self, key: str) -> None:
        """Delete one object; one that is not there is deleted already."""
        await self._s3.delete_object(Bucket=self.bucket, Key=key)

    async def begin(self, key: str, media_type: str) -> str:
        """Begin an upload in parts; its name in the store."""
        reply = await self._s3.create_multipart_upload(
            Bucket=self.bucket, Key=key, ContentType=media_type
        )
        return str(reply["UploadId"])

    async def part(self, key: str, upload: str, number: int, data: bytes) -> dict[str, Any]:
        """Store one part, 5 MiB at least unless it is the last; what names it at the end."""
        reply = await self._s3.upload_part(
            Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=number, Body=data
        )
        return {"PartNumber": number, "ETag": reply["ETag"]}

    async def complete(self, key: str, upload: str, parts: list[dict[str, Any]], size: int) -> None:
        """Make these parts, ``size`` bytes together, the object; again without harm."""
        try:
            await self._s3.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}
            )
        except ClientError as error:
            if not lost_upload(error):
                raise
            # The reply to an earlier try was lost: then the object is there.
            if await self._size(key) != size:
                raise

    async def abort(self, key: str, upload: str) -> None:
        """Give up an upload, and free its parts."""
        await self._s3.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload)

    async def end_uploads(self, before: datetime, kept: Container[str] = ()) -> int:
        """Give up uploads in parts that were begun before then and are not ``kept``; how many."""
        count = 0
        pages = self._s3.get_paginator("list_multipart_uploads")
        async for page in pages.paginate(Bucket=self.bucket):
            for one in page.get("Uploads", ()):
                if one["Initiated"] < before and one["UploadId"] not in kept:
                    with suppress(ClientError):  # ended or given up by somebody else meanwhile
                        await self.abort(one["Key"], one["UploadId"])
                    count += 1
        return count

    async def copy_to(self, key: str, path: Path) -> Artifact:
        """An object into a file, for somebody who does not know it yet; what it turned out to be.

        Raises:
            ArtifactMissing: there is none, or no longer.
        """
        digest, size = hashlib.sha256(), 0
        reply = await self._reply(key)
        with path.open("wb") as file:
            async with reply["Body"] as body:
                async for chunk in body.iter_chunks(CHUNK):
                    digest.update(chunk)
                    size += file.write(chunk)
        return self._found(key, reply, size, digest.hexdigest())

    async def _same(self, key: str, made: Artifact) -> None:
        there = await self._s3.head_object(Bucket=self.bucket, Key=key)
        if there["ContentLength"] != made.bytes or there["Metadata"].get("sha256") != made.sha256:
            raise ArtifactCorrupt(f"{made.uri} exists with other bytes")

    async def _reply(self, key: str, **given: str) -> dict[str, Any]:
        try:
            reply: dict[str, Any] = await self._s3.get_object(Bucket=self.bucket, Key=key, **given)
        except ClientError as error:
            if _code(error) in {"NoSuchKey", "404"}:
                uri = f"s3://{self.bucket}/{key}"
                raise ArtifactMissing(f"{uri} is not in the store") from None
            if _code(error) == "InvalidRange":
                raise ArtifactCorrupt(f"{key} is shorter than it was when it was stored") from None
            raise
        return reply

    def _found(self, key: str, reply: dict[str, Any], size: int, sha256: str) -> Artifact:
        if size != reply["ContentLength"]:
            raise ArtifactCorrupt(f"{key} ended after {size} bytes of {reply['ContentLength']}")
        return Artifact(f"s3://{self.bucket}/{key}", sha256, size, reply["ContentType"])

    async def _size(self, key: str) -> int | None:
        try:
            return int((await self._s3.head_object(Bucket=self.bucket, Key=key))["ContentLength"])
        except ClientError as error:
            if _code(error) in {"NoSuchKey", "404"}:
                return None
            raise

    def _verify(self, artifact: Artifact, size: int, sha256: str) -> None:
        if size != artifact.bytes or sha256 != artifact.sha256:
            raise ArtifactCorrupt(
                f"{artifact.uri} has {size} bytes and sha256 {sha256}, "
                f"not {artifact.bytes} and {artifact.sha256}"
            )


def key_in(uri: str) -> str:
    """The key of an artifact in whatever bucket its store uses now.

    Events live for ever and name the bucket of their day; a store that has moved keeps its keys.

    Raises:
        ArtifactMissing: it names no object of an S3; one that was erased names nothing.
    """
    scheme, _, place = uri.partition("://")
    bucket, _, key = place.partition("/")
    if scheme != "s3" or not bucket or not key:
        raise ArtifactMissing(f"{uri or 'an erased artifact'} is no object in S3")
    return key


def lost_upload(error: ClientError) -> bool:
    """Whether the store says that it knows the upload in parts no longer."""
    return _code(error) == "NoSuchUpload"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
