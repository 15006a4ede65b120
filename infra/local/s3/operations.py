"""What the store does with buckets and objects: read the request, call the store, answer."""

from asyncio import to_thread
from urllib.parse import unquote

from infra.local.s3 import documents
from infra.local.s3.documents import Element
from infra.local.s3.errors import S3Error
from infra.local.s3.exchange import Exchange
from infra.local.s3.headers import KEPT, check_conditions, is_only_new, kept_headers
from infra.local.s3.listing import listing
from infra.local.s3.objects import Facts, check_space, open_object
from infra.local.s3.ranges import Span, span_of
from infra.local.s3.store import Store


async def list_buckets(store: Store, exchange: Exchange, *_: str) -> None:
    """GET /"""
    found = [(p.name, p.stat().st_mtime) for p in sorted(store.buckets.iterdir())]
    buckets = [
        Element("Bucket", Element("Name", name), Element("CreationDate", documents.iso(made)))
        for name, made in found
    ]
    owner = Element("Owner", Element("ID", "local"), Element("DisplayName", "local"))
    await exchange.answer_xml(
        Element("ListAllMyBucketsResult", owner, Element("Buckets", *buckets))
    )


async def bucket_location(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """GET /BUCKET?location"""
    store.bucket(bucket)
    await exchange.answer_xml(Element("LocationConstraint"))


async def create_bucket(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """PUT /BUCKET"""
    await exchange.document()
    await to_thread(store.create_bucket, bucket)
    await exchange.answer(200, headers={"location": f"/{bucket}"})


async def head_bucket(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """HEAD /BUCKET"""
    store.bucket(bucket)
    await exchange.answer(200)


async def delete_bucket(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """DELETE /BUCKET"""
    await to_thread(store.delete_bucket, bucket)
    await exchange.answer(204)


async def list_objects(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """GET /BUCKET, in either version of the listing."""
    await exchange.answer_xml(await to_thread(listing, store, exchange.query, bucket))


async def put_object(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """PUT /BUCKET/KEY, also of a copy."""
    path = store.path(bucket, key)
    only_new = is_only_new(exchange.headers)
    if only_new and path.exists():  # an early answer saves the upload; the late one decides
        raise S3Error("PreconditionFailed", "There is an object of this key.")
    if source := exchange.headers.get("x-amz-copy-source"):
        facts = await to_thread(copy, store, exchange, source, bucket, key)
        etag = Element("ETag", f'"{facts.etag}"')
        modified = Element("LastModified", documents.iso(facts.modified))
        await exchange.answer_xml(Element("CopyObjectResult", etag, modified))
        return
    check_space(store.drafts, exchange.length)
    headers = kept_headers(exchange.headers)
    draft = await to_thread(store.draft)
    try:
        await exchange.save(draft)
        facts = await to_thread(draft.publish, path, headers, only_new=only_new)
    finally:
        draft.discard()
    await exchange.answer(200, headers={"etag": f'"{facts.etag}"'})


async def get_object(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """GET and HEAD /BUCKET/KEY, whole or a range."""
    try:
        file, facts, size = await to_thread(open_object, store.path(bucket, key))
    except FileNotFoundError:
        raise S3Error("NoSuchKey", f"There is no object {key}.") from None
    with file:
        check_conditions(exchange.headers, facts)
        span, headers = described(exchange, facts, size)
        status = 206 if "content-range" in headers else 200
        if exchange.method == "HEAD":
            await exchange.answer(status, headers={**headers, "content-length": str(span.size)})
        else:
            await exchange.answer_file(file, span.start, span.size, status, headers)


async def delete_object(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """DELETE /BUCKET/KEY"""
    await to_thread(store.delete, bucket, key)
    await exchange.answer(204)


async def delete_objects(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """POST /BUCKET?delete"""
    keys, quiet = documents.keys_to_delete(await exchange.document())
    for key in keys:
        await to_thread(store.delete, bucket, key)
    deleted = [] if quiet else [Element("Deleted", Element("Key", key)) for key in keys]
    await exchange.answer_xml(Element("DeleteResult", *deleted))


def copy(store: Store, exchange: Exchange, source: str, bucket: str, key: str) -> Facts:
    """Copy an object; its headers come along unless the request replaces them."""
    of_bucket, _, of_key = unquote(source).removeprefix("/").partition("/")
    try:
        file, facts, size = open_object(store.path(of_bucket, of_key))
    except FileNotFoundError:
        raise S3Error("NoSuchKey", f"There is no object {of_key}.") from None
    replace = exchange.headers.get("x-amz-metadata-directive") == "REPLACE"
    headers = kept_headers(exchange.headers) if replace else facts.headers
    check_space(store.drafts, size)
    draft = store.draft()
    try:
        with file:
            draft.append(file, size)
        target = store.path(bucket, key)
        return draft.publish(
            target, headers, etag=facts.etag, only_new=is_only_new(exchange.headers)
        )
    finally:
        draft.discard()


def described(exchange: Exchange, facts: Facts, size: int) -> tuple[Span, dict[str, str]]:
    """Which bytes to send, and the headers that describe them."""
    span = span_of(exchange.headers.get("range", ""), size)
    headers = {
        "content-type": "binary/octet-stream",
        **facts.headers,
        "etag": f'"{facts.etag}"',
        "last-modified": documents.http_date(facts.modified),
        "accept-ranges": "bytes",
    }
    for name in KEPT:
        if value := exchange.query.get(f"response-{name}"):
            headers[name] = value
    if span is None:
        return Span(0, size), headers
    headers["content-range"] = f"bytes {span.start}-{span.start + span.size - 1}/{size}"
    return span, headers
