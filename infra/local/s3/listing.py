"""A bucket's keys as ListObjects and ListObjectsV2 show them. Not for the event loop."""

import base64
import binascii
from urllib.parse import quote

from infra.local.s3 import documents
from infra.local.s3.documents import Element
from infra.local.s3.errors import S3Error
from infra.local.s3.headers import number
from infra.local.s3.pages import page
from infra.local.s3.store import Store

PAGE = 1000


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


def make_token(last: str) -> str:
    """Where the next page begins, for the client to hand back."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def read_token(token: str) -> str:
    """What `make_token` was given."""
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise S3Error("InvalidArgument", "The continuation token is none of ours.") from None
