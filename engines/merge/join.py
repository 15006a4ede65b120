"""The outputs of all stages → the final transcript. Pure.

Each step is a function over segments: clean text first, as it is told by segment; then speakers,
which may cut segments; then emotions; then time and order.
"""

from collections.abc import Iterable, Iterator

import msgspec

from engines.merge import clean, emotion, speakers
from engines.merge.times import clamp, ordered, within
from streams.transcript import (
    Cleaned,
    Diarization,
    Emotions,
    LanguageFound,
    Notes,
    Prepared,
    Provenance,
    Segment,
    Speaker,
    Transcript,
)


class Others(msgspec.Struct, frozen=True, kw_only=True):
    """What stages found out that a plan may leave out, or that failed and were not required."""

    transcribed: Transcript | None = None
    """Before it was aligned."""
    language: LanguageFound | None = None
    diarization: Diarization | None = None
    emotions: Emotions | None = None
    cleaned: Cleaned | None = None


def joined(
    prepared: Prepared, heard: Transcript, mark: Provenance, others: Others | None = None
) -> Transcript:
    """The final transcript; ``mark`` says who merged it.

    Times are kept within the audio as it was really decoded, and what a stage did not say stays
    unsaid.
    """
    others = others or Others()
    segments: Iterable[Segment] = heard.segments
    odd = None
    if others.cleaned:
        segments, odd = clean.given(heard.segments, others.cleaned)
    if others.diarization:
        segments = speakers.assigned(segments, others.diarization)
    segments = (piece for segment in segments for piece in speakers.split(segment))
    if others.emotions:
        segments = emotion.felt(segments, others.emotions.spans)
    final = ordered(within(segment, prepared.duration) for segment in segments)
    language, probability = spoken(heard, others)
    sources = [one for one in (prepared, *_found(heard, others)) if one]
    warnings = [text for one in sources for text in one.warnings]
    return Transcript(
        duration=prepared.duration,
        segments=final,
        language=language,
        language_probability=probability,
        speakers=known(_described(heard, others), final),
        warnings=tuple(dict.fromkeys([*warnings, *([odd] if odd else [])])),
        provenance=(*_once(mark for one in sources for mark in one.provenance), mark),
        notes=noted(heard, others, prepared.duration),
    )


def spoken(heard: Transcript, others: Others) -> tuple[str | None, float | None]:
    """The language as it was heard, else as the stage for it found it; and how sure that is."""
    for one in (heard, others.transcribed):
        if one and one.language is not None:
            if one.language_probability is None and others.language:
                same = others.language.language == one.language
                return one.language, others.language.probability if same else None
            return one.language, one.language_probability
    return (
        (others.language.language, others.language.probability)
        if others.language
        else (
            None,
            None,
        )
    )


def noted(heard: Transcript, others: Others, duration: float) -> Notes | None:
    """The notes, with chapters that begin within the audio, in order."""
    notes = (others.cleaned and others.cleaned.notes) or heard.notes
    if notes is None:
        return None
    chapters = sorted(
        (msgspec.structs.replace(one, start=clamp(one.start, duration)) for one in notes.chapters),
        key=lambda chapter: chapter.start,
    )
    return msgspec.structs.replace(notes, chapters=tuple(chapters))


def known(named: Iterable[Speaker], segments: Iterable[Segment]) -> tuple[Speaker, ...]:
    """Those that a stage described, then those that only appear, by their first word."""
    found: dict[str, Speaker] = {}
    for speaker in named:
        found.setdefault(speaker.id, speaker)
    for segment in segments:
        for name in (segment.speaker, *(word.speaker for word in segment.words)):
            if name is not None:
                found.setdefault(name, Speaker(name))
    return tuple(found.values())


def _found(
    heard: Transcript, others: Others
) -> Iterator[Transcript | LanguageFound | Diarization | Emotions | Cleaned | None]:
    """All outputs after `prepare`, in the order of the stages."""
    yield from (others.language, others.transcribed, heard)
    yield from (others.diarization, others.emotions, others.cleaned)


def _described(heard: Transcript, others: Others) -> tuple[Speaker, ...]:
    return (*(others.diarization.speakers if others.diarization else ()), *heard.speakers)


def _once(marks: Iterable[Provenance]) -> list[Provenance]:
    """Each mark once: an output may carry those of the stages that it was made from."""
    found: list[Provenance] = []
    for mark in marks:
        if mark not in found:
            found.append(mark)
    return found
