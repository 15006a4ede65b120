"""An artifact as an answer that a player can seek in: whole, or the one range that it asks for."""

import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing

import msgspec
from starlette.responses import Response, StreamingResponse

from streams.errors import ArtifactCorrupt
from streams.events import Artifact
from web.call import Call
from web.errors import OutOfRange, Unauthorized, render
from web.transcripts import matches
from web.watch import OVER

_FORM = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})", re.ASCII)


class Span(msgspec.Struct, frozen=True):
    """Bytes from ``start`` up to ``stop``."""

    start: int
    stop: int


def span_of(header: str, size: int) -> Span | None:
    """The bytes that a Range header asks for; None for all of them.

    Several ranges, and whatever is no range, count as none: HTTP allows that.

    Raises:
        OutOfRange: not one of them is there.
    """
    found = _FORM.fullmatch(header.strip())
    if not found or not any(found.groups()):
        return None
    first, last = found.groups()
    if not first:  # a suffix: the last so many bytes
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= stop:
        raise OutOfRange(f"The audio has only {size} bytes.")
    return Span(start, stop)


def wanted(headers: Mapping[str, str], size: int, etag: str) -> Span | None:
    """The same for a request: If-Range wants all of it when it is another than before."""
    if headers.get("if-range", etag) != etag:
        return None
    return span_of(headers.get("range", ""), size)


async def answer(call: Call, artifact: Artifact, *, media_type: str, name: str) -> Response:
    """The artifact under a name to save it by (Content-Disposition), as the request wants it."""
    etag, size = f'"{artifact.sha256[:32]}"', artifact.bytes
    headers = {
        "Accept-Ranges": "bytes",
        "Content-Disposition": name,
        "Content-Type": media_type,
        "Cache-Control": "private, no-cache",
        "ETag": etag,
    }
    asked = call.request.headers
    if matches(asked, etag):
        return Response(status_code=304, headers=headers)
    if call.request.method == "HEAD":
        return Response(headers=headers | {"Content-Length": str(size)})
    try:
        span = wanted(asked, size, etag)
    except OutOfRange as error:
        refused = render(error)
        refused.headers["Content-Range"] = f"bytes */{size}"
        return refused
    artifacts = call.web.backends.artifacts
    if span is None:
        headers["Content-Length"] = str(size)
        chunks = _checked(artifact, artifacts.span(artifact, 0, size))
        return await _streamed(call, chunks, headers, 200)
    headers["Content-Length"] = str(span.stop - span.start)
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    return await _streamed(call, artifacts.span(artifact, span.start, span.stop), headers, 206)


async def _checked(artifact: Artifact, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """All of it; other bytes than were stored break off before the end."""
    digest = hashlib.sha256()
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != artifact.sha256:
        raise ArtifactCorrupt(f"{artifact.uri} has other bytes than were stored")


async def _streamed(
    call: Call, chunks: AsyncIterator[bytes], headers: dict[str, str], status: int
) -> StreamingResponse:
    first = await anext(chunks)  # what the store does not have is an answer, not a broken stream

    async def whole() -> AsyncIterator[bytes]:
        async with aclosing(chunks):  # type: ignore[type-var]
            with call.web.watch.over(call.caller) as over:
                yield first
                async for chunk in chunks:
                    if over.done():
                        raise Unauthorized(OVER)  # too late for an answer: it breaks off
                    yield chunk

    return StreamingResponse(whole(), status, headers=headers)
