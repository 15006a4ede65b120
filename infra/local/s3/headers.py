"""Headers and query words that more than one operation reads (pure)."""

from infra.local.s3.errors import S3Error
from infra.local.s3.objects import Facts

KEPT = (
    *("content-type", "content-encoding", "content-disposition", "content-language"),
    *("cache-control", "expires"),
)
METADATA_BYTES = 8 << 10


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


def is_only_new(headers: dict[str, str]) -> bool:
    """Whether a write must not overwrite."""
    condition = headers.get("if-none-match")
    if condition not in (None, "*") or "if-match" in headers:
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
