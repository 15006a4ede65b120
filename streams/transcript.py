"""The one shape of speech as text that engines, projector and web share, and of prepared audio.

Times are seconds from the start of the submitted audio. A value that an engine did not give is
None, never a guess.
"""

from typing import Literal

import msgspec

from streams.events import Artifact, Options


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """One word; ``text`` carries no surrounding white space."""

    text: str
    start: float
    end: float
    probability: float | None = None
    speaker: str | None = None


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stretch of speech as the engine cut it."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    channel: int | None = None
    language: str | None = None
    no_speech_probability: float | None = None
    average_logprob: float | None = None
    compression_ratio: float | None = None


class Speaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who talks: ``id`` is stable within the transcript, ``name`` is for people."""

    id: str
    name: str | None = None


class Provenance(msgspec.Struct, frozen=True, omit_defaults=True):
    """What made a part of the transcript: enough to make it again."""

    stage: str
    engine: str
    version: str
    token: int
    model: str | None = None
    model_sha256: str | None = None
    parameters: Options = {}


class Transcript(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said; stage artifacts and the final one have the same shape."""

    duration: float
    segments: tuple[Segment, ...]
    language: str | None = None
    language_probability: float | None = None
    speakers: tuple[Speaker, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()

    @property
    def text(self) -> str:
        """All segments as one line of text."""
        return " ".join(segment.text.strip() for segment in self.segments if segment.text.strip())


class Track(msgspec.Struct, frozen=True):
    """One mono track ready for a model: WAV, signed 16 bit, 16 kHz."""

    audio: Artifact
    channel: int | None
    peak_dbfs: float | None
    silent: bool


class Media(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was submitted, as FFmpeg's libraries see it."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    duration: float
    kind: Literal["audio", "video"] = "audio"
    bit_rate: int | None = None


class Prepared(msgspec.Struct, frozen=True, omit_defaults=True):
    """The output of `prepare`: the source described, and its tracks."""

    media: Media
    duration: float
    tracks: tuple[Track, ...]
    warnings: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()
