"""Every fact that the log can hold: one closed union, and its codec.

A fact is a frozen value in the past tense. On the log it travels in an envelope, the Event, as a
few plain fields that any Redis client can read. Within a major version facts only gain optional
fields; a breaking change is a new type with an upcaster from the old one.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, TypeAlias, get_args

import msgspec

from streams.errors import EventTooLarge, InvalidEvent, UnreadableEvent

SOFT_LIMIT = 16 * 1024
"""Bytes of data of one event; larger payloads go by Artifact."""

Option: TypeAlias = str | int | float | bool | list[str] | None
Options: TypeAlias = dict[str, Option]
"""What a stage is asked for; each engine parses its own into a typed value."""

FailureKind: TypeAlias = Literal["input", "unavailable", "error", "timeout", "crash", "memory"]
"""input: the audio is at fault; unavailable: a model cannot be had; others may pass on retry."""


class Artifact(msgspec.Struct, frozen=True):
    """An immutable object in the store, real only once an event points at it."""

    uri: str
    sha256: str
    bytes: int
    media_type: str = "application/octet-stream"


class JobRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What somebody asks for; the plan is made from it once."""

    model: str | None = None
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    word_timestamps: bool = True
    vad: bool = True
    hotwords: str | None = None
    initial_prompt: str | None = None
    channels: Literal["mix", "separate"] = "mix"
    priority: int = 0
    deadline_s: float | None = None
    labels: dict[str, str] = {}
    detect_language: bool = False
    align: bool = False
    character_timestamps: bool = False
    diarize: bool = False
    min_speakers: int | None = None
    max_speakers: int | None = None
    emotion: bool = False
    cleanup: bool = False
    summary: bool = False
    action_items: bool = False
    chapters: bool = False
    redact: bool = False
    redact_kinds: tuple[str, ...] = ()
    redact_audio: Literal["keep", "beep", "silence"] = "keep"
    engines: dict[str, str] = {}
    """Stage → who is to do it; anybody that can, without."""
    models: dict[str, str] = {}
    """Stage → with which model; ``model`` is short for that of `transcribe`."""
    required: tuple[str, ...] = ()
    """Stages without which there is to be no transcript; other extras are left out with a warning
    when nobody does them or they fail."""
    wait_for_engines: bool = False
    """Accept the job though nobody is up who can do it: it waits for them."""


class Budget(msgspec.Struct, frozen=True):
    """How often a stage may end badly before it is parked, by who is to blame."""

    failed: int = 3
    lost: int = 4
    preempted: int = 20


class PlannedStage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One node of the plan: which engine does it, after which others, how."""

    name: str
    engine: str
    needs: tuple[str, ...] = ()
    options: Options = {}
    required: bool = True
    stall_s: float = 300.0
    budget: Budget = Budget()
    left_out: str = ""
    """Why the stage is not done though it was asked for; empty for one that is."""


class Usage(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an attempt used: times in seconds, memory in bytes."""

    engine_version: str = ""
    model: str | None = None
    wall_s: float = 0.0
    load_s: float = 0.0
    audio_s: float | None = None
    peak_rss: int | None = None
    device: str = "cpu"
    peak_gpu: int | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost_usd: float | None = None


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened; subclasses are the closed union Fact types below."""


class JobSubmitted(Fact, frozen=True, tag="job.submitted"):
    """Audio is stored and a transcript of it was asked for."""

    request: JobRequest
    source: Artifact
    filename: str
    again_from: str | None = None


class JobPlanned(Fact, frozen=True, tag="job.planned"):
    """The stages of the job, fixed for good; tokens begin above ``floor`` (see job.recovered)."""

    stages: tuple[PlannedStage, ...]
    deadline: datetime | None = None
    floor: int = 0


class JobSucceeded(Fact, frozen=True, tag="job.succeeded"):
    """The transcript is there."""

    transcript: Artifact
    warnings: tuple[str, ...] = ()


class JobFailed(Fact, frozen=True, tag="job.failed"):
    """The job ended without a transcript and no retry would help."""

    reason: str
    kind: FailureKind | Literal["deadline"]
    stage: str | None = None


class JobCancelRequested(Fact, frozen=True, tag="job.cancel_requested"):
    """Somebody wants the job to stop; no attempt starts after this."""

    reason: str = ""


class JobCancelled(Fact, frozen=True, tag="job.cancelled"):
    """Nothing of the job runs any more."""


class JobRecovered(Fact, frozen=True, tag="job.recovered"):
    """Redis was rebuilt from the archive: what was given out since, up to ``floor``, is void."""

    floor: int


class JobErased(Fact, frozen=True, tag="job.erased"):
    """The job's objects go, and what its events say is blanked; ids, types and seqs stay."""


class StageReady(Fact, frozen=True, tag="stage.ready"):
    """All that the stage needs is there: attempt ``token`` waits in the engine's queue.

    One that is ``ahead`` stands for an attempt that had its turn and was lost: it does not queue
    up again.
    """

    stage: str
    token: int
    engine: str
    cost: float
    priority: int = 0
    ahead: bool = False


class StageStarted(Fact, frozen=True, tag="stage.started"):
    """A replica of the engine began attempt ``token``."""

    stage: str
    token: int
    engine: str
    owner: str
    engine_version: str = ""


class StageProgressed(Fact, frozen=True, tag="stage.progressed"):
    """The attempt is ``fraction`` (0 to 1) done; throttled."""

    stage: str
    token: int
    fraction: float


class StageCompleted(Fact, frozen=True, tag="stage.completed"):
    """The attempt's output is in the store."""

    stage: str
    token: int
    engine: str
    output: Artifact
    usage: Usage
    warnings: tuple[str, ...] = ()


class StageFailed(Fact, frozen=True, tag="stage.failed"):
    """The attempt ended with an error of the engine or of its input."""

    stage: str
    token: int
    engine: str
    kind: FailureKind
    reason: str
    usage: Usage = Usage()


class StageRetryScheduled(Fact, frozen=True, tag="stage.retry_scheduled"):
    """The stage waits until ``due_at`` for its next attempt."""

    stage: str
    due_at: datetime


class StageLost(Fact, frozen=True, tag="stage.lost"):
    """The attempt's owner fell silent (lease) or was told to leave (preempted)."""

    stage: str
    token: int
    engine: str
    cause: Literal["lease", "preempted"]
    owner: str = ""


class StageParked(Fact, frozen=True, tag="stage.parked"):
    """The stage is over its budget and waits for a person."""

    stage: str
    reason: str


class StageUnparked(Fact, frozen=True, tag="stage.unparked"):
    """A person gave the stage a fresh budget."""

    stage: str


class StageSkipped(Fact, frozen=True, tag="stage.skipped"):
    """The stage will not run: it is optional and failed, or its job ends."""

    stage: str
    reason: str


class Heard(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stretch of speech as it was first heard; the stage's output may know it better."""

    start: float
    end: float
    text: str


class SegmentFinalized(Fact, frozen=True, tag="segment.finalized"):
    """Attempt ``token`` has heard so much more: its segments from number ``first`` on.

    Nothing is decided by it: it is there to be watched, live and in replay. Of a job whose words
    are to be masked it is not told.
    """

    stage: str
    token: int
    first: int
    segments: tuple[Heard, ...]


class SpeakerRenamed(Fact, frozen=True, tag="speaker.renamed"):
    """Somebody says who a speaker of the transcript is; an empty name takes that back."""

    speaker: str
    name: str


class TranscriptEdited(Fact, frozen=True, tag="transcript.edited"):
    """Somebody corrects a segment, by its number; None lets the original stand again."""

    segment: int
    text: str | None


class EngineRegistered(Fact, frozen=True, tag="engine.registered"):
    """A replica of an engine came up."""

    engine: str
    stage: str
    engine_version: str
    replica: str
    models: tuple[str, ...] = ()


class EngineDrained(Fact, frozen=True, tag="engine.drained"):
    """A replica finished what it had and takes nothing more.

    It left; or it ``stays``, and says `engine.registered` again when it is resumed.
    """

    engine: str
    replica: str
    stays: bool = False


class EngineExpired(Fact, frozen=True, tag="engine.expired"):
    """A replica's heartbeat stopped."""

    engine: str
    replica: str


class LogRecovered(Fact, frozen=True, tag="log.recovered"):
    """Redis was rebuilt from the archive: a new epoch begins after event ``at_id``."""

    at_seq: int
    at_id: str
    reason: str


JobFact: TypeAlias = (
    JobSubmitted
    | JobPlanned
    | JobSucceeded
    | JobFailed
    | JobCancelRequested
    | JobCancelled
    | JobRecovered
    | JobErased
    | StageReady
    | StageStarted
    | StageProgressed
    | StageCompleted
    | StageFailed
    | StageRetryScheduled
    | StageLost
    | StageParked
    | StageUnparked
    | StageSkipped
    | SegmentFinalized
    | SpeakerRenamed
    | TranscriptEdited
)
EngineFact: TypeAlias = EngineRegistered | EngineDrained | EngineExpired
AnyFact: TypeAlias = JobFact | EngineFact | LogRecovered

FACTS: dict[str, type[Fact]] = {str(kind.__struct_config__.tag): kind for kind in get_args(AnyFact)}
"""Type name → class, in the order in which they are told."""


class Unknown(msgspec.Struct, frozen=True):
    """A fact that this version does not know or cannot read: kept as it is, skipped, counted."""

    data: bytes = b"{}"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A fact in its envelope. ``seq``, ``epoch`` and ``prev`` are the log's, 0 and "" before it."""

    id: str
    type: str
    time: datetime
    job: str
    rev: int
    tenant: str
    fact: AnyFact | Unknown
    meta: dict[str, str] = {}
    seq: int = 0
    epoch: int = 0
    prev: str = ""


_encoder = msgspec.json.Encoder()
_decoders = {name: msgspec.json.Decoder(kind) for name, kind in FACTS.items()}
_decode_meta = msgspec.json.Decoder(dict[str, str]).decode


def type_of(fact: Fact) -> str:
    """The type name of a fact, as on the log."""
    return str(fact.__struct_config__.tag)


def encode_fact(fact: Fact | Unknown) -> bytes:
    """The fact as JSON, its type in the tag field ``type``.

    Raises:
        EventTooLarge: over SOFT_LIMIT bytes.
        InvalidEvent: it could be written but never be read again: a NaN, a value of a wrong type.
    """
    if isinstance(fact, Unknown):
        return fact.data
    name = type_of(fact)
    try:
        data = _encoder.encode(fact)
        _decoders[name].decode(data)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise InvalidEvent(f"{name} cannot be written: {error}") from None
    if len(data) > SOFT_LIMIT:
        raise EventTooLarge(f"{name} has {len(data)} bytes, over {SOFT_LIMIT}")
    return data


def decode_fact(type_name: str, data: bytes) -> AnyFact | Unknown:
    """The fact of a type name and its JSON; Unknown of a type, or with values, that we do not know.

    Raises:
        msgspec.DecodeError: it is no JSON.
    """
    decoder = _decoders.get(type_name)
    if decoder is None:
        return Unknown(data=data)
    try:
        return decoder.decode(data)  # type: ignore[return-value]
    except msgspec.ValidationError:  # such as a kind of failure that a later version has
        return Unknown(data=data)


def encode_meta(meta: Mapping[str, str]) -> bytes:
    """The meta of an event as JSON."""
    return _encoder.encode(meta)


def decode_meta(data: bytes) -> dict[str, str]:
    """The meta of an event from JSON."""
    return {} if data == b"{}" else _decode_meta(data)


def format_time(time: datetime) -> str:
    """RFC 3339 in UTC with microseconds."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def from_entry(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Event:
    """An entry of the log's Redis Stream as an Event.

    Raises:
        UnreadableEvent: it lacks a field, or one holds what it cannot.
    """
    try:
        return _event(entry_id, fields)
    except (LookupError, ValueError) as error:
        raise UnreadableEvent.at(entry_id, error) from None


def _event(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Event:
    type_name = fields[b"type"].decode()
    return Event(
        id=fields[b"id"].decode(),
        type=type_name,
        time=datetime.fromisoformat(fields[b"time"].decode()),
        job=fields[b"job"].decode(),
        rev=int(fields[b"rev"]),
        tenant=fields[b"tenant"].decode(),
        fact=decode_fact(type_name, fields[b"data"]),
        meta=decode_meta(fields[b"meta"]),
        seq=int(entry_id.partition(b"-")[0]),
        epoch=int(fields[b"epoch"]),
        prev=fields[b"prev"].decode(),
    )
