"""Prepared + Transcript → the final Transcript. Pure.

A stage that joins later (speakers, emotions, clean text) becomes one more function from Transcript
to Transcript between `ordered` and the end.
"""

from collections.abc import Iterable

import msgspec

from streams.transcript import Prepared, Provenance, Segment, Speaker, Transcript, Word


def joined(prepared: Prepared, heard: Transcript, mark: Provenance) -> Transcript:
    """The final transcript; ``mark`` says who merged it.

    Times are kept within the audio as it was really decoded, and what a stage did not say stays
    unsaid.
    """
    segments = ordered(within(segment, prepared.duration) for segment in heard.segments)
    return Transcript(
        duration=prepared.duration,
        segments=segments,
        language=heard.language,
        language_probability=heard.language_probability,
        speakers=speakers(heard.speakers, segments),
        warnings=tuple(dict.fromkeys((*prepared.warnings, *heard.warnings))),
        provenance=(*prepared.provenance, *heard.provenance, mark),
    )


def ordered(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """By time, then by channel; without those that say nothing."""
    spoken = [segment for segment in segments if segment.text.strip() or segment.words]
    return tuple(
        sorted(spoken, key=lambda s: (s.start, s.end, -1 if s.channel is None else s.channel))
    )


def within(segment: Segment, duration: float) -> Segment:
    """The segment with its times in [0, duration] and around its words.

    Models pad the audio, so the last word may end after it.
    """
    words = tuple(_word_within(word, duration) for word in segment.words)
    start = min([_clamp(segment.start, duration), *(word.start for word in words)])
    end = max([_clamp(segment.end, duration), start, *(word.end for word in words)])
    return msgspec.structs.replace(segment, start=start, end=end, words=words)


def speakers(named: Iterable[Speaker], segments: Iterable[Segment]) -> tuple[Speaker, ...]:
    """Those that a stage described, then those that only appear, by their first word."""
    found = {speaker.id: speaker for speaker in named}
    for segment in segments:
        for speaker in (segment.speaker, *(word.speaker for word in segment.words)):
            if speaker is not None:
                found.setdefault(speaker, Speaker(speaker))
    return tuple(found.values())


def _word_within(word: Word, duration: float) -> Word:
    start = _clamp(word.start, duration)
    return msgspec.structs.replace(word, start=start, end=max(start, _clamp(word.end, duration)))


def _clamp(seconds: float, duration: float) -> float:
    return min(max(seconds, 0.0), duration)
