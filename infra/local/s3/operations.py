"""What the store does for each operation of S3: read the request, call the store, answer."""

import base64
import binascii
from asyncio import to_thread
from urllib.parse import quote, unquote

from infra.local.s3 import documents, uploads
from infra.local.s3.documents import Element
from infra.local.s3.errors import S3Error
from infra.local.s3.exchange import Exchange
from infra.local.s3.listing import page
from infra.local.s3.objects import Draft, Facts, check_space, open_object
from infra.local.s3.ranges import Span, span_of
from infra.local.s3.store import Store

KEPT = ("content-type", "content-encoding", "content-disposition", "content-language",
        "cache-control", "expires")  # fmt: skip
PAGE = 1000
METADATA_BYTES = 8 << 10


async def list_buckets(store: Store, exchange: Exchange, *_: str) -> None:
    """GET /"""
    found = [(p.name, p.stat().st_mtime) for p in sorted(store.buckets.iterdir())]
    buckets = [
        Element("Bucket", Element("Name", name), Element("CreationDate", documents.iso(made)))
        for name, made in found
    ]
    owner = Element("Owner", Element("ID", "local"), Element("DisplayName", "local"))
    await answer(exchange, Element("ListAllMyBucketsResult", owner, Element("Buckets", *buckets)))


async def bucket_location(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """GET /BUCKET?location"""
    store.bucket(bucket)
    await answer(exchange, Element("LocationConstraint"))


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
    await answer(exchange, await to_thread(listing, store, exchange.query, bucket))


async def put_object(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """PUT /BUCKET/KEY, also of a copy."""
    path = store.path(bucket, key)
    only_new = is_only_new(exchange)
    if only_new and path.exists():  # an early answer saves the upload; the late one decides
        raise S3Error("PreconditionFailed", "There is an object of this key.")
    if source := exchange.headers.get("x-amz-copy-source"):
        facts = await to_thread(copy, store, exchange, source, bucket, key)
        etag = Element("ETag", f'"{facts.etag}"')
        modified = Element("LastModified", documents.iso(facts.modified))
        await answer(exchange, Element("CopyObjectResult", etag, modified))
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
    await answer(exchange, Element("DeleteResult", *deleted))


async def create_upload(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """POST /BUCKET/KEY?uploads"""
    await exchange.document()
    upload = uploads.Upload(bucket, key, kept_headers(exchange.headers))
    identity = await to_thread(uploads.create, store, upload)
    names = [Element("Bucket", bucket), Element("Key", key), Element("UploadId", identity)]
    await answer(exchange, Element("InitiateMultipartUploadResult", *names))


async def put_part(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """PUT /BUCKET/KEY?uploadId&partNumber"""
    directory = uploads.find(store, bucket, key, exchange.query["uploadId"])
    if "x-amz-copy-source" in exchange.headers:
        raise S3Error("NotImplemented", "Parts cannot be copied from objects here.")
    path = uploads.part_path(directory, number(exchange.query, "partNumber", 0))
    check_space(store.drafts, exchange.length)
    draft = await to_thread(store.draft)
    try:
        await exchange.save(draft)
        uploads.find(store, bucket, key, exchange.query["uploadId"])  # it may be over by now
        facts = await to_thread(draft.publish, path, {})
    finally:
        draft.discard()
    await exchange.answer(200, headers={"etag": f'"{facts.etag}"'})


async def complete_upload(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """POST /BUCKET/KEY?uploadId"""
    chosen = documents.chosen_parts(await exchange.document())
    directory = uploads.find(store, bucket, key, exchange.query["uploadId"])
    only_new = is_only_new(exchange)
    facts = await to_thread(uploads.complete, store, directory, chosen, only_new=only_new)
    names = [Element("Location", exchange.path), Element("Bucket", bucket), Element("Key", key)]
    etag = Element("ETag", f'"{facts.etag}"')
    await answer(exchange, Element("CompleteMultipartUploadResult", *names, etag))


async def abort_upload(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """DELETE /BUCKET/KEY?uploadId"""
    directory = uploads.find(store, bucket, key, exchange.query["uploadId"])
    await to_thread(uploads.abort, directory)
    await exchange.answer(204)


async def list_parts(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """GET /BUCKET/KEY?uploadId"""
    identity = exchange.query["uploadId"]
    found = await to_thread(uploads.parts, uploads.find(store, bucket, key, identity))
    after = number(exchange.query, "part-number-marker", 0)
    limit = number(exchange.query, "max-parts", PAGE)
    rest = [part for part in found if part.number > after]
    shown = rest[:limit]
    head = [
        *(Element("Bucket", bucket), Element("Key", key), Element("UploadId", identity)),
        *(Element("MaxParts", limit), Element("IsTruncated", len(rest) > len(shown))),
        Element("NextPartNumberMarker", shown[-1].number if shown else after),
    ]
    parts = [
        Element(
            "Part",
            Element("PartNumber", part.number),
            Element("ETag", f'"{part.etag}"'),
            Element("Size", part.size),
            Element("LastModified", documents.iso(part.modified)),
        )
        for part in shown
    ]
    await answer(exchange, Element("ListPartsResult", *head, *parts))


async def list_uploads(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """GET /BUCKET?uploads, all of them on one page."""
    store.bucket(bucket)
    found = await to_thread(uploads.of_bucket, store, bucket, exchange.query.get("prefix", ""))
    shown = [
        Element("Upload", Element("Key", upload.key), Element("UploadId", identity))
        for identity, upload in found
    ]
    head = [Element("Bucket", bucket), Element("IsTruncated", False)]
    await answer(exchange, Element("ListMultipartUploadsResult", *head, *shown))


def listing(store: Store, query: dict[str, str], bucket: str) -> Element:
    """One page of a bucket's keys as ListObjects and ListObjectsV2 show it."""
    second = query.get("list-type") == "2"
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    limit = min(number(query, "max-keys", PAGE), PAGE)
    token = query.get("continuation-token")
    after = read_token(token) if token else query.get("start-after" if second else "marker", "")
    keys = store.keys(bucket, prefix)
    shown = page(keys, prefix=prefix, delimiter=delimiter, after=after, limit=limit)
    encoded = query.get("encoding-type") == "url"

    def name(tag: str, value: str) -> Element:
        return Element(tag, quote(value, safe="/") if encoded else value)

    head = [
        *(Element("Name", bucket), name("Prefix", prefix), name("Delimiter", delimiter)),
        *(Element("MaxKeys", limit), Element("IsTruncated", shown.truncated)),
    ]
    if encoded:
        head.append(Element("EncodingType", "url"))
    if second:
        head.append(Element("KeyCount", len(shown.keys) + len(shown.prefixes)))
    if shown.truncated:
        last = Element("NextContinuationToken", make_token(shown.last))
        head.append(last if second else name("NextMarker", shown.last))
    contents = [entry(name("Key", key), store, bucket, key) for key in shown.keys]
    prefixes = [Element("CommonPrefixes", name("Prefix", value)) for value in shown.prefixes]
    return Element("ListBucketResult", *head, *filter(None, contents), *prefixes)


def entry(name: Element, store: Store, bucket: str, key: str) -> Element | None:
    """A key of a listing; None when it was deleted meanwhile."""
    try:
        facts, size = store.facts(bucket, key)
    except FileNotFoundError:
        return None
    return Element(
        "Contents",
        name,
        Element("LastModified", documents.iso(facts.modified)),
        Element("ETag", f'"{facts.etag}"'),
        Element("Size", size),
        Element("StorageClass", "STANDARD"),
    )


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
    draft: Draft = store.draft()
    try:
        with file:
            draft.append(file, size)
        target = store.path(bucket, key)
        return draft.publish(target, headers, etag=facts.etag, only_new=is_only_new(exchange))
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


def check_conditions(headers: dict[str, str], facts: Facts) -> None:
    """Refuse to send what the client does not want."""
    wanted, known = headers.get("if-match"), headers.get("if-none-match")
    if wanted and wanted != "*" and facts.etag not in etags(wanted):
        raise S3Error("PreconditionFailed", "The object has another etag.")
    if known and (known == "*" or facts.etag in etags(known)):
        raise S3Error("NotModified", "The object is the one that you have.")


def etags(header: str) -> list[str]:
    """The etags of a condition, without quotes."""
    return [part.strip().removeprefix("W/").strip('"') for part in header.split(",")]


def is_only_new(exchange: Exchange) -> bool:
    """Whether a write must not overwrite."""
    condition = exchange.headers.get("if-none-match")
    if condition not in (None, "*") or "if-match" in exchange.headers:
        raise S3Error("NotImplemented", "A write takes no condition but If-None-Match: *.")
    return condition == "*"


def kept_headers(headers: dict[str, str]) -> dict[str, str]:
    """The headers that are stored with an object."""
    kept = {k: v for k, v in headers.items() if k in KEPT or k.startswith("x-amz-meta-")}
    if sum(len(k) + len(v) for k, v in kept.items()) > METADATA_BYTES:
        raise S3Error("EntityTooLarge", f"Metadata has at most {METADATA_BYTES} bytes.")
    return kept


def number(query: dict[str, str], name: str, default: int) -> int:
    """A number of the query."""
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise S3Error("InvalidArgument", f"{name} is a number, not {text!r}.")
    return int(text)


def make_token(last: str) -> str:
    """Where the next page begins, for the client to hand back."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def read_token(token: str) -> str:
    """What `make_token` was given."""
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise S3Error("InvalidArgument", "The continuation token is none of ours.") from None


async def answer(exchange: Exchange, root: Element) -> None:
    """Answer with an XML document."""
    body = documents.document(root)
    await exchange.answer(200, body, {"content-type": "application/xml"})
