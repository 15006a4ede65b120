"""What the store does with uploads in parts: read the request, call the store, answer."""

import asyncio
from asyncio import to_thread
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from infra.local.s3 import documents, uploads
from infra.local.s3.documents import Element
from infra.local.s3.errors import S3Error
from infra.local.s3.exchange import Exchange
from infra.local.s3.headers import is_only_new, kept_headers, number
from infra.local.s3.objects import Facts, check_space
from infra.local.s3.store import Store

PAGE = 1000
JOINERS = ThreadPoolExecutor(2, thread_name_prefix="join")
"""Joining copies gigabytes: it may not take the threads that everybody else's objects need."""
Joins = dict[tuple[Path, tuple[tuple[int, str], ...]], "asyncio.Future[Facts]"]
_joins: Joins = {}
"""Under way, by upload and parts: who gave up waiting and asks again waits for the same one."""


async def create_upload(store: Store, exchange: Exchange, bucket: str, key: str) -> None:
    """POST /BUCKET/KEY?uploads"""
    await exchange.document()
    upload = uploads.Upload(bucket, key, kept_headers(exchange.headers))
    identity = await to_thread(uploads.create, store, upload)
    names = [Element("Bucket", bucket), Element("Key", key), Element("UploadId", identity)]
    await exchange.answer_xml(Element("InitiateMultipartUploadResult", *names))


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
    only_new = is_only_new(exchange.headers)
    place = (directory, tuple(chosen))
    if place not in _joins:
        join = partial(uploads.complete, store, directory, chosen, only_new=only_new)
        _joins[place] = asyncio.get_running_loop().run_in_executor(JOINERS, join)
        _joins[place].add_done_callback(lambda _: _joins.pop(place))
    facts = await asyncio.shield(_joins[place])
    names = [Element("Location", exchange.path), Element("Bucket", bucket), Element("Key", key)]
    etag = Element("ETag", f'"{facts.etag}"')
    await exchange.answer_xml(Element("CompleteMultipartUploadResult", *names, etag))


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
    await exchange.answer_xml(Element("ListPartsResult", *head, *parts))


async def list_uploads(store: Store, exchange: Exchange, bucket: str, _: str) -> None:
    """GET /BUCKET?uploads, all of them on one page."""
    store.bucket(bucket)
    found = await to_thread(uploads.of_bucket, store, bucket, exchange.query.get("prefix", ""))
    shown = [
        Element(
            "Upload",
            Element("Key", upload.key),
            Element("UploadId", identity),
            Element("Initiated", documents.iso(uploads.begun(store, identity))),
        )
        for identity, upload in found
    ]
    head = [Element("Bucket", bucket), Element("IsTruncated", False)]
    await exchange.answer_xml(Element("ListMultipartUploadsResult", *head, *shown))
