"""Transcript → text, SubRip, WebVTT or JSON. Pure."""

from collections.abc import Callable
from typing import Literal

import msgspec

from streams.transcript import Segment, Transcript
from web.cues import Cue, cues

Format = Literal["json", "txt", "srt", "vtt"]
Text = Literal["said", "clean"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


def render(transcript: Transcript, form: Format, text: Text = "said") -> bytes:
    """The transcript in a format, as bytes; JSON has both texts, whichever is asked for."""
    if form == "json":
        return msgspec.json.encode(transcript)
    shown = tuple(_shown(segment, text) for segment in transcript.segments)
    return _RENDERERS[form](msgspec.structs.replace(transcript, segments=shown))


def _shown(segment: Segment, text: Text) -> Segment:
    """The segment with the text that is asked for: where nothing was cleaned, what was said."""
    clean = segment.clean
    if text == "said" or clean is None:
        return msgspec.structs.replace(segment, clean=None)
    return msgspec.structs.replace(segment, text=clean.text, words=clean.words)


def _txt(transcript: Transcript) -> bytes:
    """A paragraph for all that one speaker says in a row; lines where nobody is known.

    A paragraph that the clean text begins is begun here too. Without speakers a segment is a line,
    or all of its paragraph where the clean text has paragraphs.
    """
    names = {speaker.id: speaker.name or speaker.id for speaker in transcript.speakers}
    parted = any(segment.clean and segment.clean.paragraph for segment in transcript.segments)
    lines: list[str] = []
    last: str | None = None
    for segment in transcript.segments:
        text = " ".join(segment.text.split())
        begins = bool(segment.clean and segment.clean.paragraph)
        if not text:
            continue
        speaker = segment.speaker
        if lines and not begins and speaker == last and (speaker is not None or parted):
            lines[-1] += f" {text}"
        elif speaker is None or speaker == last:
            lines.append(text)
        else:
            lines.append(f"{names.get(speaker, speaker)}: {text}")
        last = speaker
    return "".join(f"{line}\n" for line in lines).encode()


def _srt(transcript: Transcript) -> bytes:
    blocks = (
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{_srt_text(cue)}\n"
        for number, cue in enumerate(cues(transcript), start=1)
    )
    return "\n".join(blocks).encode()


def _vtt(transcript: Transcript) -> bytes:
    blocks = (
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{_vtt_text(cue)}\n"
        for cue in cues(transcript)
    )
    return "\n".join(("WEBVTT\n", *blocks)).encode()


def _srt_text(cue: Cue) -> str:
    # SubRip has no escapes. An arrow would read as a time, so it is turned into a plain one.
    text = "\n".join(cue.lines).replace("-->", "→")
    return f"{cue.speaker}: {text}" if cue.speaker else text


def _vtt_text(cue: Cue) -> str:
    text = "\n".join(_escaped(line) for line in cue.lines)
    return f"<v {_escaped(cue.speaker)}>{text}" if cue.speaker else text


def _escaped(text: str) -> str:
    """Text that can be neither markup nor a line of times in WebVTT."""
    text = " ".join(text.split())
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(max(seconds, 0.0) * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{whole:02}{point}{milliseconds:03}"


_RENDERERS: dict[str, Callable[[Transcript], bytes]] = {
    "txt": _txt,
    "srt": _srt,
    "vtt": _vtt,
}
