"""The handler that gives audio in which what is personal was made inaudible."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response, StreamingResponse

from streams.events import Artifact
from streams.transcript import Transcript
from web.call import Call
from web.errors import NotFound
from web.finding import found
from web.jobs import disposition, transcript_of


class AudioQuery(msgspec.Struct, frozen=True):
    """Which track: 0, or one for each channel of a job with channels=separate."""

    track: Annotated[int, Meta(ge=0, le=63)] = 0


async def redacted(call: Call) -> Response:
    """GET /v1/jobs/{id}/audio."""
    track = call.query(AudioQuery).track
    job = await found(call.web, call.job_id, call.tenant)
    document = transcript_of(job, call.job_id)
    artifacts = call.web.backends.artifacts
    tracks = (await artifacts.get_value(document, Transcript)).audio
    if not tracks:
        raise NotFound(
            f"Job {call.job_id} has no audio of its own: redact_audio=beep or silence makes it."
        )
    if track >= len(tracks):
        raise NotFound(f"Job {call.job_id} has {len(tracks)} tracks, counted from 0.")
    chunks = artifacts.stream(tracks[track])
    first = await anext(chunks)  # what the store does not have is an answer, not a broken stream
    return _response(tracks[track], first, chunks, disposition(job.filename, "redacted.wav"))


def _response(
    audio: Artifact, first: bytes, chunks: AsyncIterator[bytes], name: str
) -> StreamingResponse:
    async def whole() -> AsyncIterator[bytes]:
        async with aclosing(chunks):  # type: ignore[type-var]
            yield first
            async for chunk in chunks:
                yield chunk

    headers = {
        "Content-Length": str(audio.bytes),
        "Content-Disposition": name,
        "Cache-Control": "private, no-cache",
        "ETag": f'"{audio.sha256[:32]}"',
    }
    return StreamingResponse(whole(), headers=headers, media_type=audio.media_type)
