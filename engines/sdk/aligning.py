"""One task of an aligner: each segment's words looked for in its stretch of its track.

The transcript that comes out has the same segments with the same texts; only the times of their
words, and what was found out about them, are new. Its provenance and warnings are the stage's own:
`merge` has the transcriber's from its document.
"""

import wave
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec

from engines.sdk import places
from engines.sdk.contract import InvalidInput, Task
from engines.sdk.places import Place, Stretch
from streams.transcript import Provenance, Segment, Transcript

Report: TypeAlias = Callable[[float], None]
Aligner: TypeAlias = Callable[[bytes, Sequence[str], Report], Sequence[Place | None] | None]
"""A stretch of a track (signed 16 bit, 16 kHz), its words → their places in seconds from its start.

None for a word: left out; None for all: the text does not fit the audio. It reports the seconds
that are done, often.
"""
WIDTH = 2
NO_FIT = "the text does not fit the audio"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an aligner can be asked."""

    model: str | None = None
    language: str | None = None
    character_timestamps: bool | None = None


def language(task: Task, options: Options) -> str | None:
    """The transcript's, as its transcriber says, else as it was asked for; None: nobody said."""
    return task.heard.language or options.language


def unchanged(task: Task, mark: Provenance, reason: str) -> Transcript:
    """The transcript so far, with a warning that says why no word was looked for."""
    warning = f"words were not aligned: {reason}"
    return msgspec.structs.replace(task.heard, warnings=(warning,), provenance=(mark,))


def aligned(
    task: Task,
    aligner: Aligner,
    mark: Provenance,
    takes: Callable[[str | None], str | None],
    spoken: str | None,
) -> Transcript:
    """The transcript with a time for each word.

    Args:
        takes: why segments in a language cannot be aligned; None: they can.
        spoken: the language of the segments that say nothing of their own.
    """
    heard, tracks = task.heard, _tracks(task)
    missed: Counter[str] = Counter()
    found: list[Segment] = []
    done = 0.0
    spans = places.stretches(heard.segments, task.prepared.duration)
    whole = sum(span.end - span.start for span in spans) or 1.0
    for segment, span in zip(heard.segments, spans, strict=True):
        of = segment.language or spoken
        words = places.tokens(segment, of)

        def report(seconds: float, before: float = done) -> None:
            task.progress(min(1.0, (before + seconds) / whole))

        reason = takes(of)
        got = None
        if words and reason is None:
            path = _track(tracks, segment)
            pcm = _read(path, span)
            got = aligner(pcm, words, report) if pcm else None
            reason = NO_FIT
        if got is not None:
            complete = places.filled(words, places.shifted(got, span.start), span)
            segment = places.with_places(segment, words, complete)  # noqa: PLW2901 - the same
        elif words:
            missed[reason or NO_FIT] += 1
            segment = _as_it_was(segment, words, task.prepared.duration)  # noqa: PLW2901
        found.append(segment)
        done += span.end - span.start
        report(0.0, done)
    return msgspec.structs.replace(
        heard,
        segments=tuple(found),
        warnings=tuple(_warning(reason, n, len(found)) for reason, n in missed.items()),
        provenance=(mark,),
    )


def _as_it_was(segment: Segment, words: Sequence[str], duration: float) -> Segment:
    """The transcriber's times of the words, else its time of the segment shared out."""
    if segment.words:
        return segment
    times = places.shared(words, Stretch(min(segment.start, duration), min(segment.end, duration)))
    return places.with_places(segment, words, times)


def _warning(reason: str, number: int, of: int) -> str:
    return (
        f"{number} of {of} segments were not aligned ({reason}): their words keep the times that "
        "they had, or share their segment's time by length"
    )


def _tracks(task: Task) -> dict[int | None, Path]:
    pairs = zip(task.prepared.tracks, task.tracks, strict=True)
    return {track.channel: path for track, path in pairs}


def _track(tracks: dict[int | None, Path], segment: Segment) -> Path:
    """The track that a segment was heard on.

    Raises:
        InvalidInput: there is none for its channel.
    """
    if segment.channel in tracks:
        return tracks[segment.channel]
    if segment.channel is None or len(tracks) == 1:
        return next(iter(tracks.values()))
    raise InvalidInput(
        f"a segment at {segment.start:.1f} s is of channel {segment.channel}, and there is no such "
        f"track: transcript and audio do not belong together"
    )


def _read(path: Path, span: Stretch) -> bytes:
    with wave.open(str(path), "rb") as file:
        rate, length = file.getframerate(), file.getnframes()
        first = min(int(span.start * rate), length)
        file.setpos(first)
        return file.readframes(max(0, int(span.end * rate) - first))
