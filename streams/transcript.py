"""The one shape of speech as text that engines, projector and web share, and of prepared audio.

Times are seconds from the start of the submitted audio. A value that an engine did not give is
None, never a guess.
"""

from typing import Literal

import msgspec

from streams.events import Artifact, Options


class Character(msgspec.Struct, frozen=True, omit_defaults=True):
    """One character of a word; an aligner that knows its place says so."""

    text: str
    start: float
    end: float
    probability: float | None = None


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """One word; ``text`` carries no surrounding white space."""

    text: str
    start: float
    end: float
    probability: float | None = None
    speaker: str | None = None
    characters: tuple[Character, ...] = ()


class Emotion(msgspec.Struct, frozen=True, omit_defaults=True):
    """How something is said: the likeliest label, and the score (0 to 1) of each that is known."""

    label: str
    scores: dict[str, float] = {}


class Clean(msgspec.Struct, frozen=True, omit_defaults=True):
    """The same said in clean text; each word has the time of the words that it stands for."""

    text: str
    words: tuple[Word, ...] = ()
    paragraph: bool = False
    """A new paragraph begins here."""


class Segment(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stretch of speech as the engine cut it; ``text`` and ``words`` are what was said.

    Clean text stands beside them, never in their place.
    """

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
    emotion: Emotion | None = None
    clean: Clean | None = None
    edited: bool = False
    """Somebody put other words in place of those that an engine heard."""


class Speaker(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody who talks: ``id`` is stable within the transcript, ``name`` is for people."""

    id: str
    name: str | None = None


class Chapter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A part of the talk, from ``start`` (seconds) to the next one."""

    start: float
    title: str


class Notes(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a language model made of the whole; it may be wrong, the words beside it are not its."""

    summary: str | None = None
    action_items: tuple[str, ...] = ()
    chapters: tuple[Chapter, ...] = ()


class Redacted(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something personal that was masked: what kind, where in the audio, in which segment."""

    kind: str
    start: float
    end: float
    segment: int
    score: float | None = None
    channel: int | None = None


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
    notes: Notes | None = None
    redactions: tuple[Redacted, ...] = ()
    audio: tuple[Artifact, ...] = ()
    """The tracks with what is personal made inaudible, when that was asked for."""

    @property
    def text(self) -> str:
        """All segments as one line of text."""
        return " ".join(segment.text.strip() for segment in self.segments if segment.text.strip())


class Peaks(msgspec.Struct, frozen=True):
    """How loud a track is throughout: a byte (255 is full scale) for the loudest of each window."""

    window_s: float
    levels: bytes


class Track(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mono track ready for a model: WAV, signed 16 bit, 16 kHz.

    ``peaks`` is where its `Peaks` are, to draw it by; outputs of older versions name none.
    """

    audio: Artifact
    channel: int | None
    peak_dbfs: float | None
    silent: bool
    peaks: Artifact | None = None


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


class LanguageFound(msgspec.Struct, frozen=True, omit_defaults=True):
    """The output of `language`: which one is spoken (ISO 639-1), None without any speech."""

    duration: float
    language: str | None
    probability: float | None = None
    scores: dict[str, float] = {}
    warnings: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """One speaker talks from ``start`` to ``end``; turns of several may overlap."""

    start: float
    end: float
    speaker: str
    channel: int | None = None


class Diarization(msgspec.Struct, frozen=True, omit_defaults=True):
    """The output of `diarize`: who speaks when.

    ``exclusive`` are the turns with one speaker at a time, for giving words to speakers; empty when
    the engine makes none of its own. Speakers are in the order in which they first talk.
    """

    duration: float
    turns: tuple[Turn, ...]
    speakers: tuple[Speaker, ...] = ()
    exclusive: tuple[Turn, ...] = ()
    warnings: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()


class EmotionSpan(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a segment of the transcript sounds."""

    start: float
    end: float
    emotion: Emotion
    channel: int | None = None


class Emotions(msgspec.Struct, frozen=True, omit_defaults=True):
    """The output of `emotion`: a span for each segment that was long enough to judge."""

    duration: float
    spans: tuple[EmotionSpan, ...]
    warnings: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()


class Spent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a stage paid to others; ``cost_usd`` is None where no price is known."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost_usd: float | None = None


class Cleaned(msgspec.Struct, frozen=True, omit_defaults=True):
    """The output of `cleanup`: for each segment of the transcript its clean text, or None.

    None means that the original stands: nothing to clean, or the answer was refused (a warning
    says why).
    """

    duration: float
    segments: tuple[Clean | None, ...]
    notes: Notes | None = None
    spent: Spent | None = None
    warnings: tuple[str, ...] = ()
    provenance: tuple[Provenance, ...] = ()
