"""What people correct in a transcript: who a speaker is, and what a segment says."""

import re
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.responses import Response

from streams import decide
from streams.decide import LONGEST_EDIT, LONGEST_NAME
from streams.events import SOFT_LIMIT
from streams.job import Job
from streams.transcript import Transcript
from web.call import Call, json
from web.commands import command, standing
from web.errors import BadRequest, NotFound
from web.jobs import transcript_of

CONTROL = re.compile(r"[\x00-\x1f\x7f]")
"""What no text for people holds; SQL over the events could not read a NUL."""
LARGEST = SOFT_LIMIT - 500
"""Bytes of a text that fits an event."""


class NameBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the speaker is called from now on; an empty name takes it back."""

    name: Annotated[str, Meta(max_length=LONGEST_NAME)]


class TextBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the segment says from now on; null lets the original stand again."""

    text: Annotated[str, Meta(max_length=LONGEST_EDIT)] | None


async def rename(call: Call) -> Response:
    """PUT /v1/jobs/{id}/speakers/{speaker}."""
    name = CONTROL.sub(" ", (await call.body(NameBody)).name)
    job, transcript = await _heard(call)
    speaker = call.request.path_params["speaker"]
    known = [one.id for one in transcript.speakers]
    if speaker not in known:
        there = f"There are: {', '.join(known)}." if known else "It has none: see diarize=true."
        raise NotFound(f"The transcript of job {job.id} has no speaker {speaker[:40]!r}. {there}")
    view = await command(call, lambda job, _: decide.rename(job, speaker=speaker, name=name), job)
    return json(view)


async def edit(call: Call) -> Response:
    """PUT /v1/jobs/{id}/segments/{n}."""
    text = (await call.body(TextBody)).text
    text = text and CONTROL.sub(" ", text)
    if len(msgspec.json.encode(text)) > LARGEST:
        raise BadRequest(f"The text takes over {LARGEST} bytes as JSON: correct it in parts.")
    job, transcript = await _heard(call)
    number, count = call.request.path_params["n"], len(transcript.segments)
    segment = int(number) if number.isdecimal() and len(number) <= 9 else count
    if segment >= count:
        there = f"They are counted from 0 to {count - 1}." if count else "It has none at all."
        raise NotFound(f"The transcript of job {job.id} has no segment {number[:20]!r}. {there}")
    view = await command(call, lambda job, _: decide.edit(job, segment=segment, text=text), job)
    return json(view)


async def _heard(call: Call) -> tuple[Job, Transcript]:
    """The job, and its transcript as the engines gave it."""
    job = await standing(call)
    artifact = transcript_of(job, job.id)
    return job, await call.web.backends.artifacts.get_value(artifact, Transcript)
