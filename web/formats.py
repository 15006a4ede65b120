"""Transcript → text, SubRip, WebVTT or JSON. Pure."""

from collections.abc import Callable
from typing import Literal

import msgspec

from streams.transcript import Transcript
from web.cues import Cue, cues

Format = Literal["json", "txt", "srt", "vtt"]

MEDIA_TYPES: dict[Format, str] = {
    "json": "application/json",
    "txt": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
}


def render(transcript: Transcript, form: Format) -> bytes:
    """The transcript in a format, as bytes."""
    return _RENDERERS[form](transcript)


def _json(transcript: Transcript) -> bytes:
    return msgspec.json.encode(transcript)


def _txt(transcript: Transcript) -> bytes:
    """A paragraph for each turn of a speaker, or a line for each segment when nobody is named."""
    names = {speaker.id: speaker.name or speaker.id for speaker in transcript.speakers}
    lines: list[str] = []
    last = None
    for segment in transcript.segments:
        text = " ".join(segment.text.split())
        if not text:
            continue
        if segment.speaker is None:
            lines.append(text)
        elif segment.speaker == last:
            lines[-1] += f" {text}"
        else:
            lines.append(f"{names.get(segment.speaker, segment.speaker)}: {text}")
        last = segment.speaker
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


_RENDERERS: dict[Format, Callable[[Transcript], bytes]] = {
    "json": _json,
    "txt": _txt,
    "srt": _srt,
    "vtt": _vtt,
}
