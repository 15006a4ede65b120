"""The handlers that give a job's audio, for players and to keep, and how loud it is throughout."""

import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta
from starlette.responses import Response

from streams.events import Artifact
from streams.job import Job
from streams.transcript import Peaks, Prepared, Track, Transcript
from web import ranges
from web.call import Call, json
from web.errors import Forbidden, NotFound
from web.finding import found
from web.jobs import disposition, kept, transcript_of
from web.views import PeaksView

T = TypeVar("T")

_PLAYABLE = re.compile(r"(audio|video)/[\w.+-]+")
"""What a browser may be told that a submitted file is: never a page."""
TrackNumber = Annotated[int, Meta(ge=0, le=63)]


class AudioQuery(msgspec.Struct, frozen=True):
    """Which track: 0, or one for each channel of a job with channels=separate.

    ``heard``: what the engines heard, with what is personal inaudible where that was asked for.
    ``redacted``: the latter alone. ``original``: the file as it was sent.
    """

    track: TrackNumber = 0
    kind: Literal["heard", "redacted", "original"] = "heard"
    download: bool = False


class PeaksQuery(msgspec.Struct, frozen=True):
    """Which track."""

    track: TrackNumber = 0


async def audio(call: Call) -> Response:
    """GET /v1/jobs/{id}/audio."""
    query = call.query(AudioQuery)
    job = await _job(call)
    if query.kind == "original":
        return await _original(call, job)
    masked = query.kind == "redacted" or is_masked(job)
    tracks = await (_masked(call, job) if masked else _prepared(call, job))
    name = disposition(job.filename, "redacted.wav" if masked else "heard.wav")
    if query.kind == "heard" and not query.download:
        name = name.replace("attachment", "inline", 1)
    chosen = _one(job, tracks, query.track)
    return await ranges.answer(call, chosen, media_type="audio/wav", name=name)


async def peaks(call: Call) -> Response:
    """GET /v1/jobs/{id}/peaks."""
    job = await _job(call)
    prepared = await _output(call, job)
    track: Track = _one(job, prepared.tracks, call.query(PeaksQuery).track)
    if track.peaks is None:
        raise NotFound(
            f"Job {job.id} has no peaks: it was prepared by an older version. Retry it to have "
            "them."
        )
    found_peaks = await call.web.backends.artifacts.get_value(track.peaks, Peaks)
    view = PeaksView(prepared.duration, found_peaks.window_s, list(found_peaks.levels))
    return json(view, headers={"Cache-Control": "private, no-cache"})


def is_masked(job: Job) -> bool:
    """Whether nobody is to hear what is personal in it."""
    return job.request.redact and job.request.redact_audio != "keep"


async def _job(call: Call) -> Job:
    job = await found(call.web, call.job_id, call.tenant)
    kept(job, call.job_id)
    if not isinstance(job, Job):
        raise NotFound(f"Job {call.job_id} is accepted: its audio is not prepared yet.")
    return job


async def _original(call: Call, job: Job) -> Response:
    """The submitted file, never shown in place: it may be anything."""
    if call.caller.auth == "share":
        raise Forbidden(
            "A link lets its reader hear a job; the file as it was sent it gives nobody."
        )
    if is_masked(job) and not call.caller.admin:
        raise Forbidden(
            f"Job {job.id} asked for what is personal to be inaudible, and in the file as it was "
            "sent it is not: an admin's key is needed. kind=redacted is for everybody."
        )
    sent = job.source.media_type
    media_type = sent if _PLAYABLE.fullmatch(sent) else "application/octet-stream"
    name = disposition(job.filename, job.filename.rpartition(".")[2] or "audio")
    return await ranges.answer(call, job.source, media_type=media_type, name=name)


async def _masked(call: Call, job: Job) -> tuple[Artifact, ...]:
    document = transcript_of(job, job.id)
    transcript = await call.web.backends.artifacts.get_value(document, Transcript)
    if not transcript.audio:
        raise NotFound(
            f"Job {job.id} has no audio with what is personal inaudible: redact=true with "
            "redact_audio=beep or silence makes it."
        )
    return transcript.audio


async def _prepared(call: Call, job: Job) -> tuple[Artifact, ...]:
    return tuple(track.audio for track in (await _output(call, job)).tracks)


async def _output(call: Call, job: Job) -> Prepared:
    stage = job.stages.get("prepare")
    if stage is None or stage.output is None:
        reason = f" ({job.reason})" if job.reason else ""
        yet = "was never" if job.terminal else "is not yet"
        raise NotFound(f"Job {job.id} is {job.status}{reason}: its audio {yet} prepared.")
    return await call.web.backends.artifacts.get_value(stage.output, Prepared)


def _one(job: Job, tracks: tuple[T, ...], number: int) -> T:
    if number >= len(tracks):
        raise NotFound(f"Job {job.id} has {len(tracks)} tracks, counted from 0.")
    return tracks[number]
