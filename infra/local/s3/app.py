"""The store as an ASGI application: verify, find the operation, answer; errors become documents."""

import errno
import logging
import time
from collections.abc import Awaitable, Callable

from infra.local.s3 import documents, operations, part_operations
from infra.local.s3.errors import S3Error
from infra.local.s3.exchange import ClientGone, Exchange, Receive, Scope, Send
from infra.local.s3.signature import Keys, verify
from infra.local.s3.store import Store

log = logging.getLogger("s3")
Operation = Callable[[Store, Exchange, str, str], Awaitable[None]]

# By method, then by what is named (service, bucket, object), then by what the query asks for.
OPERATIONS: dict[tuple[str, str, str], Operation] = {
    ("GET", "service", ""): operations.list_buckets,
    ("GET", "bucket", "location"): operations.bucket_location,
    ("GET", "bucket", "uploads"): part_operations.list_uploads,
    ("GET", "bucket", ""): operations.list_objects,
    ("PUT", "bucket", ""): operations.create_bucket,
    ("HEAD", "bucket", ""): operations.head_bucket,
    ("DELETE", "bucket", ""): operations.delete_bucket,
    ("POST", "bucket", "delete"): operations.delete_objects,
    ("GET", "object", "uploadId"): part_operations.list_parts,
    ("GET", "object", ""): operations.get_object,
    ("HEAD", "object", ""): operations.get_object,
    ("PUT", "object", "uploadId"): part_operations.put_part,
    ("PUT", "object", ""): operations.put_object,
    ("DELETE", "object", "uploadId"): part_operations.abort_upload,
    ("DELETE", "object", ""): operations.delete_object,
    ("POST", "object", "uploads"): part_operations.create_upload,
    ("POST", "object", "uploadId"): part_operations.complete_upload,
}
# What else S3 keeps behind a query word; better refused than taken for something plainer.
FOREIGN = frozenset(
    {
        *(
            "acl",
            "attributes",
            "cors",
            "encryption",
            "legal-hold",
            "lifecycle",
            "policy",
            "restore",
        ),
        *("retention", "select", "tagging", "torrent", "versionId", "versioning", "versions"),
    }
)


class App:
    """One store behind one pair of keys."""

    def __init__(self, store: Store, keys: Keys) -> None:
        self._store, self._keys = store, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        try:
            await self._serve(exchange)
        except ClientGone:
            log.info("%s %s: the client left", exchange.method, exchange.path)
        except S3Error as error:
            await refuse(exchange, error)
        except OSError as error:  # a full or broken disk: say so, and go on serving
            log.exception("%s %s", exchange.method, exchange.path)
            if exchange.answered:
                raise  # the server cuts the connection, so that nobody takes it for whole
            full = error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
            code = "InsufficientStorage" if full else "InternalError"
            await refuse(exchange, S3Error(code, f"The disk: {error}."))

    async def _serve(self, exchange: Exchange) -> None:
        bucket, key = exchange.target()
        if (exchange.method, bucket, key) == ("GET", "healthz", ""):
            await exchange.answer(200, b"ok\n")
            return
        exchange.payload = verify(exchange.signed, self._keys, time.time())
        operation = find(exchange, bucket, key)
        await operation(self._store, exchange, bucket, key)


def find(exchange: Exchange, bucket: str, key: str) -> Operation:
    """Which operation a request asks for."""
    level = "object" if key else "bucket" if bucket else "service"
    if foreign := FOREIGN & exchange.query.keys():
        raise S3Error("NotImplemented", f"This store knows no {min(foreign)}.")
    for (method, at, word), operation in OPERATIONS.items():
        if (method, at) == (exchange.method, level) and (not word or word in exchange.query):
            return operation
    raise S3Error("MethodNotAllowed", f"{exchange.method} means nothing here.")


async def refuse(exchange: Exchange, error: S3Error) -> None:
    """Answer with an error document."""
    body = documents.error(error.code, str(error), exchange.path)
    if error.status == 304:
        body = b""
    await exchange.answer(error.status, body, {"content-type": "application/xml"})
