"""The submitted file opened with FFmpeg's libraries, shut in: it may name no other file or host."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import av
from av.container import InputContainer

from engines.audio_prepare.ending import DECLARING, is_cut_off
from engines.sdk.contract import InvalidInput
from streams.transcript import Media

MAX_CHANNELS = 64
RATES = range(1_000, 768_001)
BUFFER = 1 << 20


class Source:
    """One open file and the audio stream of it that is listened to."""

    def __init__(self, container: InputContainer, file: io.FileIO, path: Path) -> None:
        self.container = container
        self.stream = _audio(container)
        self._file = file
        self._path = path
        self._size = path.stat().st_size

    @property
    def read(self) -> float:
        """How much of the file has been read, 0 to 1."""
        return min(1.0, self._file.tell() / self._size)

    @property
    def start(self) -> float:
        """The time of the first packet by the file's own clock, in seconds."""
        return (self.container.start_time or 0) / av.time_base

    @property
    def declared(self) -> float | None:
        """Seconds that the file itself says it lasts, video included."""
        if self.container.format.name not in DECLARING or not self.container.duration:
            return None
        return self.container.duration / av.time_base

    @property
    def streams(self) -> int:
        """How many audio streams there are."""
        return len(self.container.streams.audio)

    def is_cut_off(self) -> bool:
        """Whether the container's own marks say that the end is missing."""
        return is_cut_off(self._path, self.container.format.name)

    def media(self, duration: float) -> Media:
        """What the file is, with the duration that was really decoded."""
        context = self.stream.codec_context
        moving = [s for s in self.container.streams.video if not _is_picture(s)]
        return Media(
            container=self.container.format.name,
            codec=context.codec.canonical_name,
            sample_rate=context.sample_rate,
            channels=context.channels,
            duration=duration,
            kind="video" if moving else "audio",
            bit_rate=context.bit_rate or None,
        )


@contextmanager
def opened(path: Path, name: str) -> Iterator[Source]:
    """Open a file; ``name`` is the one it was submitted under, a hint for formats without a mark.

    Raises:
        InvalidInput: it is empty, no media, without audio, or of impossible values.
    """
    if not path.stat().st_size:
        raise InvalidInput(f"{name or 'the file'} is empty (0 bytes)")
    with io.FileIO(path) as file:
        file.name = name or path.name
        try:
            container = av.open(
                file,
                mode="r",
                options={"protocol_whitelist": "none"},
                metadata_errors="replace",
                buffer_size=BUFFER,
                io_open=_refuse,
            )
        except av.error.FFmpegError as error:
            raise InvalidInput(_unreadable(file.name, error)) from None
        with container:
            yield Source(container, file, path)


def _refuse(url: str, _flags: int, _options: dict[str, str]) -> NoReturn:
    raise InvalidInput(f"the file refers to another one ({url}): send the audio itself")


def _unreadable(name: str, error: av.error.FFmpegError) -> str:
    return (
        f"{name} is not audio or video that can be read: {error.strerror or error}. "
        "It may be cut off before its index, damaged, or of another kind than its name says"
    )


def _audio(container: InputContainer) -> av.AudioStream:
    stream = container.streams.best("audio")
    if not isinstance(stream, av.AudioStream):
        raise InvalidInput(_soundless(container))
    context = stream.codec_context
    if not 1 <= context.channels <= MAX_CHANNELS:
        raise InvalidInput(f"{context.channels} channels: 1 to {MAX_CHANNELS} can be taken")
    if context.sample_rate not in RATES:
        raise InvalidInput(
            f"sample rate {context.sample_rate} Hz: {RATES.start} to {RATES.stop - 1} can be taken"
        )
    return stream


def _soundless(container: InputContainer) -> str:
    name = container.format.name
    if container.streams.audio:
        return (
            f"its audio ({name}) has no channels, no sample rate or no known codec: it is damaged"
        )
    kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
    return f"there is no audio in it: only {kinds} ({name})"


def _is_picture(stream: av.VideoStream) -> bool:
    """A cover is a stream of one picture."""
    return bool(stream.disposition & av.stream.Disposition.attached_pic)
