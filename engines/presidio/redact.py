"""A transcript → the same with everything personal masked, wherever its words may stand. Pure.

Nothing that holds words is passed over: what was said, its words, clean text, notes, names,
warnings, and the texts among the parameters of earlier stages.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from engines.presidio.lines import Line, agree, of_segments
from engines.presidio.marks import Finder, Mark, groups, marked, phrases, repeated
from engines.presidio.mask import masked_text, masked_words, tokens
from streams.events import Option
from streams.transcript import Notes, Provenance, Redacted, Segment, Speaker, Transcript

PLAIN = frozenset({"language", "task", "model", "channels", "device", "compute_type"})
"""Texts among a stage's parameters that nobody puts a name into."""
HIDDEN = "[REDACTED]"


def redacted(
    transcript: Transcript,
    find: Finder,
    kinds: Sequence[str],
    progress: Callable[[float], None] = lambda _: None,
) -> Transcript:
    """Everything that ``find`` finds masked, and each repetition of it; listed in `redactions`."""
    loose = {text: Line("", -1, tokens(text)) for text in _loose(transcript)}
    lines = [*of_segments(transcript.segments), *loose.values()]
    names = [Line("", -1, tokens(speaker.name or "")) for speaker in transcript.speakers]
    if "PERSON" in kinds:
        for line in names:
            line.marks[:] = [Mark("PERSON", None)] * len(line.tokens)
    _look(lines, names, find, progress)
    agree(transcript.segments, lines)
    by_place = {(line.surface, line.segment): line for line in lines}
    said = [_masked(n, segment, by_place) for n, segment in enumerate(transcript.segments)]
    return msgspec.structs.replace(
        transcript,
        segments=tuple(segment for segment, _ in said),
        redactions=tuple(sorted((one for _, found in said for one in found), key=_order)),
        speakers=tuple(
            Speaker(one.id) if "PERSON" in kinds else one for one in transcript.speakers
        ),
        notes=_notes(transcript.notes, loose),
        warnings=tuple(masked_text(text, loose[text].marks) for text in transcript.warnings),
        provenance=tuple(map(_discreet, transcript.provenance)),
    )


def _look(
    lines: Sequence[Line], names: Sequence[Line], find: Finder, progress: Callable[[float], None]
) -> None:
    """Mark the lines: those of one surface and channel as one text, then what is known by then."""
    streams: dict[object, list[Line]] = {}
    for number, line in enumerate(lines):
        streams.setdefault(line.stream or number, []).append(line)
    total = max(sum(len(line.tokens) for line in lines), 1)
    done = 0

    def looked(count: int) -> None:
        nonlocal done
        done += count
        progress(min(done / total, 1.0))

    for stream in streams.values():
        _spread(stream, marked(_tokens(stream), find, looked))
    known = phrases((line.tokens, line.marks) for line in (*lines, *names))
    for stream in streams.values():
        marks = [mark for line in stream for mark in line.marks]
        repeated(_tokens(stream), marks, known)
        _spread(stream, marks)


def _tokens(stream: Iterable[Line]) -> list[str]:
    return [token for line in stream for token in line.tokens]


def _spread(stream: Iterable[Line], marks: Sequence[Mark | None]) -> None:
    at = 0
    for line in stream:
        line.marks[:] = marks[at : at + len(line.tokens)]
        at += len(line.tokens)


def _masked(
    number: int, segment: Segment, lines: dict[tuple[str, int], Line]
) -> tuple[Segment, list[Redacted]]:
    """One segment without what is personal, and the list of what that was."""
    text = lines["text", number]
    words = lines.get(("words", number), text)
    found: list[Redacted] = []

    def note(mark: Mark, start: float, end: float) -> None:
        if not any(one.start <= start and end <= one.end for one in found):
            score, channel = mark.score, segment.channel
            found.append(Redacted(mark.kind, start, end, number, score, channel))

    if segment.words:
        for first, end, mark in groups(words.marks):
            run = segment.words[first:end]
            note(mark, min(word.start for word in run), max(word.end for word in run))
    clean = segment.clean
    if clean:
        fair = lines["clean", number]
        timed = lines.get(("clean_words", number), fair).marks if clean.words else []
        for first, end, mark in groups(timed):
            note(mark, clean.words[first].start, clean.words[end - 1].end)
        clean = msgspec.structs.replace(
            clean,
            text=masked_text(clean.text, fair.marks),
            words=masked_words(clean.words, timed),
        )
    if not segment.words or words is not text:  # a text without times may be anywhere in it
        for _, _, mark in groups(text.marks):
            note(mark, segment.start, segment.end)
    bare = msgspec.structs.replace(
        segment,
        text=masked_text(segment.text, text.marks),
        words=masked_words(segment.words, words.marks) if segment.words else (),
        clean=clean,
    )
    return bare, found


def _loose(transcript: Transcript) -> list[str]:
    """Texts that are of no segment."""
    notes = transcript.notes or Notes()
    titles = (chapter.title for chapter in notes.chapters)
    return [*transcript.warnings, notes.summary or "", *notes.action_items, *titles]


def _notes(notes: Notes | None, loose: dict[str, Line]) -> Notes | None:
    if notes is None:
        return None

    def masked(text: str) -> str:
        return masked_text(text, loose[text].marks)

    return Notes(
        summary=None if notes.summary is None else masked(notes.summary),
        action_items=tuple(map(masked, notes.action_items)),
        chapters=tuple(
            msgspec.structs.replace(chapter, title=masked(chapter.title))
            for chapter in notes.chapters
        ),
    )


def _discreet(mark: Provenance) -> Provenance:
    """Without the texts that were given to a stage: a prompt and hotwords are full of names."""
    parameters = {name: _plain(name, value) for name, value in mark.parameters.items()}
    return msgspec.structs.replace(mark, parameters=parameters)


def _plain(name: str, value: Option) -> Option:
    return HIDDEN if isinstance(value, str | list) and value and name not in PLAIN else value


def _order(one: Redacted) -> tuple[float, float, int]:
    return one.start, one.end, one.segment
