"""The Range header: which bytes a client wants (pure)."""

import re
from dataclasses import dataclass

from infra.local.s3.errors import S3Error

FORM = re.compile(r"bytes=(\d*)-(\d*)")


@dataclass(frozen=True)
class Span:
    """`size` bytes from `start` on."""

    start: int
    size: int


def span_of(header: str, whole: int) -> Span | None:
    """The span of `whole` bytes that a header asks for; None for all of it.

    Several ranges, and whatever is no range, count as none: HTTP allows that.

    Raises:
        S3Error: InvalidRange, when no byte lies in it.
    """
    match = FORM.fullmatch(header.strip())
    if not match or match.group() == "bytes=-":
        return None
    first, last = match.groups()
    if not first:  # a suffix: the last so many bytes
        start, end = max(0, whole - int(last)), whole
    else:
        start, end = int(first), min(int(last) + 1, whole) if last else whole
        if last and int(last) < start:
            return None
    if start >= end:
        raise S3Error("InvalidRange", f"The object has only {whole} bytes.")
    return Span(start, end - start)
