"""The handler that gives a transcript: as corrected, as engines heard it, or as it once was."""

import hashlib
import re
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.responses import Response

from streams.editing import edited
from streams.events import Artifact
from streams.job import Job, fold
from streams.transcript import Transcript
from web import past
from web.call import Call
from web.errors import NotFound
from web.finding import found
from web.formats import MEDIA_TYPES, Format, Text, render
from web.jobs import disposition, kept, transcript_of

Rev = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class TranscriptQuery(msgspec.Struct, frozen=True):
    """In which format; and for those that show one text, whether what was said or clean text.

    ``version``: with the names and words that people put in place, or as the engines said it.
    ``at``: as it was after so many events of the job; while it ran, what had been heard by then.
    """

    format: Format = "json"
    text: Text = "said"
    version: Literal["edited", "original"] = "edited"
    at: Rev | None = None


class Source(msgspec.Struct, frozen=True):
    """A transcript or where it is, of which job, and whether what people put in place is shown."""

    job: Job
    mark: str
    held: Artifact | Transcript
    corrected: bool = False


async def transcript(call: Call) -> Response:
    """GET /v1/jobs/{id}/transcript."""
    query = call.query(TranscriptQuery)
    source = await _source(call, query)
    job, form = source.job, query.format
    headers = {
        "ETag": f'"{source.mark}-{form}-{query.text}"',
        "Content-Disposition": disposition(job.filename, form),
        "Cache-Control": "private, no-cache",
    }
    if matches(call.request.headers, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    value = source.held
    if isinstance(value, Artifact):
        value = await call.web.backends.artifacts.get_value(value, Transcript)
    if source.corrected:
        value = edited(value, job.names, job.edits)
    return Response(render(value, form, query.text), headers=headers, media_type=MEDIA_TYPES[form])


async def _source(call: Call, query: TranscriptQuery) -> Source:
    """What is to be shown.

    Raises:
        NotFound: there is no transcript, or nothing was heard by then.
        Gone: it was erased.
    """
    job = await found(call.web, call.job_id, call.tenant)
    if query.at is not None:
        kept(job, call.job_id)
        events = await past.history(call, query.at)
        was = fold(events)
        assert was is not None, "the first of them is job.submitted"
        return _source_of(was, query, past.best(was) or past.so_far(was, events))
    artifact = transcript_of(job, call.job_id)
    return _source_of(job, query, artifact)


def _source_of(job: object, query: TranscriptQuery, held: Artifact | Transcript | None) -> Source:
    assert isinstance(job, Job)
    if held is None:
        raise NotFound(_nothing(job))
    if isinstance(held, Transcript):
        return Source(job, _digest(msgspec.json.encode(held)), held)
    mark = held.sha256[:32]
    corrected = query.version == "edited" and bool(job.names or job.edits)
    if corrected:
        mark += f"-{_digest(msgspec.json.encode((job.names, job.edits)))}"
    return Source(job, mark, held, corrected)


def _nothing(job: Job) -> str:
    if job.request.redact:
        return (
            f"At revision {job.rev} of job {job.id} what is personal was not masked yet: "
            "its words are shown once it is."
        )
    return f"At revision {job.rev} of job {job.id} nothing was heard yet."


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def matches(headers: Mapping[str, str], etag: str) -> bool:
    """Whether the client has the very same already (If-None-Match)."""
    wanted = headers.get("if-none-match", "")
    return wanted.strip() == "*" or etag in re.findall(r'"[^"]*"', wanted)
