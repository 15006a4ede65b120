"""What is left of a fact when its job is erased: its type, its numbers, no word of anybody's.

`fold(blank(event) for event in events)` is the blanked state of `fold(events)`: a replay passes.
"""

from msgspec.structs import replace

from streams.events import (
    AnyFact,
    Artifact,
    Event,
    JobCancelRequested,
    JobFailed,
    JobPlanned,
    JobRequest,
    JobSubmitted,
    JobSucceeded,
    SegmentFinalized,
    SpeakerRenamed,
    StageCompleted,
    StageFailed,
    StageParked,
    StageSkipped,
    TranscriptEdited,
    Unknown,
)

NO_ARTIFACT = Artifact(uri="", sha256="", bytes=0)
"""Stands where an erased object was named."""


def blank(event: Event) -> Event:
    """The event with its payload blanked; everything that orders and links it stays."""
    return replace(event, fact=blank_fact(event.fact), meta={})


def blank_fact(fact: AnyFact | Unknown) -> AnyFact | Unknown:  # noqa: PLR0911 - one arm a shape
    """The fact without names, texts, options and object addresses."""
    match fact:
        case JobSubmitted():
            return replace(fact, request=JobRequest(), source=NO_ARTIFACT, filename="")
        case JobPlanned(stages=stages):
            blanked = (replace(node, options={}, left_out="") for node in stages)
            return replace(fact, stages=tuple(blanked))
        case JobSucceeded():
            return replace(fact, transcript=NO_ARTIFACT, warnings=())
        case StageCompleted():
            return replace(fact, output=NO_ARTIFACT, warnings=())
        case JobFailed() | JobCancelRequested() | StageFailed() | StageParked() | StageSkipped():
            return replace(fact, reason="")
        case SegmentFinalized():
            return replace(fact, segments=())
        case SpeakerRenamed():
            return replace(fact, name="")
        case TranscriptEdited():
            return replace(fact, text=None)
        case Unknown():
            return Unknown()
        case _:
            return fact
