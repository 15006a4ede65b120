"""A large file, sent so that a cut costs little: tus 1.0, going on from what the stack has."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from infra.client import AWAY, TRIES, Client, Rejected, Unreachable, backoff, decode, form
from streams.events import JobRequest
from web.views import JobView

LARGE = 64 * 1024 * 1024
"""Bytes from which on this is worth its two requests more."""
CHUNK = 256 * 1024
PUTTING_TOGETHER_S = 900.0
"""The stack reads all of the file once more before it accepts the job."""
TUS = {"tus-resumable": "1.0.0"}
CUT = AWAY | {409}
"""Answers to go on after: what this stack has may be less than was sent, or more."""

STILL_TO_COME = 409
"""The answer when all is well with a request, but for the file."""

Sent = Callable[[int], None]


async def submit(client: Client, source: Path, request: JobRequest, *, sent: Sent) -> JobView:
    """A new job for a file of any size.

    Args:
        sent: told how many more bytes are out; less than none when some are to be sent again.
    """
    address = await _begin(client, source)
    fields = {**form(request), "upload": address.rpartition("/")[2]}

    async def take() -> JobView:
        reply = await client.call(
            "POST",
            "/v1/jobs",
            files={name: (None, value) for name, value in fields.items()},
            tries=TRIES,  # the upload's id makes it one job, however often it is sent
            timeout=PUTTING_TOGETHER_S,
        )
        return decode(reply, JobView)

    try:
        return await take()
    except Rejected as error:  # before a byte is out: are the options taken?
        if error.status != STILL_TO_COME:
            raise
    await _send(client, source, address, sent)
    return await take()


async def _begin(client: Client, source: Path) -> str:
    name = base64.b64encode(source.name.encode(errors="replace")).decode()
    said = {"upload-length": str(source.stat().st_size), "upload-metadata": f"filename {name}"}
    reply = await client.call("POST", "/v1/uploads", headers=TUS | said, tries=TRIES)
    return str(reply.headers["location"])


async def _send(client: Client, source: Path, address: str, sent: Sent) -> None:
    """Go on from what is stored until all is; give up when nothing gets further."""
    size, stored, failures = source.stat().st_size, 0, 0
    while stored < size:
        out = [0]
        try:
            body = _rest(source, stored, size, out, sent)
            reached = await _piece(client, address, stored, size, body)
        except (Unreachable, Rejected) as error:
            if isinstance(error, Rejected) and error.status not in CUT:
                raise
            failures += 1
            if failures >= TRIES:
                raise
            await asyncio.sleep(backoff(failures))
            reached = await _stored(client, address)
        sent(reached - stored - out[0])
        failures = 0 if reached > stored else failures
        stored = reached


async def _piece(
    client: Client, address: str, stored: int, size: int, body: AsyncIterator[bytes]
) -> int:
    said = {
        "content-type": "application/offset+octet-stream",
        "content-length": str(size - stored),
        "upload-offset": str(stored),
    }
    reply = await client.call("PATCH", address, headers=TUS | said, content=body, tries=1)
    return int(reply.headers["upload-offset"])


async def _stored(client: Client, address: str) -> int:
    reply = await client.call("HEAD", address, headers=TUS, tries=TRIES)
    return int(reply.headers["upload-offset"])


async def _rest(
    source: Path, start: int, size: int, out: list[int], sent: Sent
) -> AsyncIterator[bytes]:
    """The file from there on; ``out[0]`` counts what went."""
    with source.open("rb") as file:
        file.seek(start)
        while start + out[0] < size:
            chunk = file.read(min(CHUNK, size - start - out[0]))
            if not chunk:
                raise OSError(f"{source} became shorter while it was sent")
            yield chunk
            out[0] += len(chunk)
            sent(len(chunk))
