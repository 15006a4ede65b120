"""The open source → float samples at 16 kHz, one channel a row, piece by piece."""

from collections.abc import Iterator
from typing import NamedTuple

import av
import numpy as np
from av.stream import Stream

from engines.audio_prepare.mix import Samples
from engines.audio_prepare.source import Source
from engines.audio_prepare.track import RATE

SLACK_S = 1.0
"""Headers round and estimate: so much less than declared is not called cut off."""
GAP_S = 0.05
"""Containers round times to milliseconds; a longer hole is one, and is filled with silence."""
MAX_GAP_S = 600.0
"""A jump in time beyond this, or beyond the declared end, is no hole but another clock."""


class Piece(NamedTuple):
    """(channels, n) samples, and FFmpeg's name of each channel (FL, FR, …)."""

    samples: Samples
    names: tuple[str, ...]


class Decoding:
    """Samples out, and what was met on the way.

    seconds: how long it is by its samples, filled holes included.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._resampler: av.AudioResampler | None = None
        self._setup: tuple[int, str] | None = None
        self._names: tuple[str, ...] = ()
        self._packets_end = 0.0
        self._damaged: list[float] = []
        self._missing = 0.0
        self._unreadable = False
        self.seconds = 0.0

    def pieces(self) -> Iterator[Piece]:
        """All of the stream, in order."""
        for frame in self._frames():
            gap = self._gap(frame)
            setup = (frame.sample_rate, frame.layout.name)
            if gap or setup != self._setup:  # rate and channels may change in mid-stream
                yield from self._flushed()
                self._setup = setup
                self._names = tuple(channel.name for channel in frame.layout.channels)
                self._resampler = av.AudioResampler(format="fltp", rate=RATE, frame_size=RATE)
            if gap:
                yield self._piece(np.zeros((len(self._names), round(gap * RATE)), np.float32))
            self.seconds += gap + frame.samples / frame.sample_rate
            yield from self._resampled(frame)
        yield from self._flushed()

    def warnings(self) -> list[str]:
        """What whoever submitted the file should know of it."""
        found = []
        declared, reached = self._source.declared, max(self._packets_end, self.seconds)
        if declared is not None and reached < declared - max(SLACK_S, declared / 100):
            ends = f"it ends after {reached:.2f} s of the {declared:.2f} s that it declares"
            found.append(f"the file is cut off: {ends}")
        elif self._source.is_cut_off():
            found.append(f"the file is cut off: it ends after {reached:.2f} s")
        if self._damaged:
            places = (
                f"{len(self._damaged)} places, the first" if self._damaged[1:] else "one place,"
            )
            found.append(f"damage is left out in {places} at {self._damaged[0]:.2f} s")
        if self._unreadable:
            found.append(f"nothing behind {self.seconds:.2f} s of the file can be read")
        if self._missing:
            found.append(f"{self._missing:.2f} s are missing in the file; there is silence instead")
        if self._source.streams > 1:
            found.append(f"the file has {self._source.streams} audio streams: only one is used")
        return found

    def _frames(self) -> Iterator[av.AudioFrame]:
        for packet in self._packets():
            if packet.stream is not self._source.stream:
                continue
            try:
                yield from self._source.stream.decode(packet)
            except av.error.FFmpegError:
                self._damaged.append(self.seconds)

    def _packets(self) -> "Iterator[av.Packet[Stream]]":
        """All packets, of video too: how far they go shows whether the file is whole."""
        packets = self._source.container.demux()
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # what comes behind cannot be found any more
                self._unreadable = True
                return
            if packet is None:
                return
            if packet.pts is not None and packet.time_base:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self._packets_end = max(self._packets_end, end - self._source.start)
            yield packet

    def _gap(self, frame: av.AudioFrame) -> float:
        """Seconds of silence that belong in front of a frame by its time."""
        if frame.pts is None or not frame.time_base:
            return 0.0
        gap = float(frame.pts * frame.time_base) - self._source.start - self.seconds
        declared = self._source.declared
        room = MAX_GAP_S if declared is None else declared - self.seconds
        if not GAP_S < gap <= room:
            return 0.0
        if self.seconds:  # sound that begins after the picture is no damage
            self._missing += gap
        return gap

    def _resampled(self, frame: av.AudioFrame | None) -> Iterator[Piece]:
        if self._resampler is None:
            return
        if frame is not None:
            frame.pts = None  # its samples count now, not its time
        for part in self._resampler.resample(frame):
            yield self._piece(part.to_ndarray().astype(np.float32, copy=False))

    def _flushed(self) -> Iterator[Piece]:
        yield from self._resampled(None)

    def _piece(self, samples: Samples) -> Piece:
        """What is no number is silence."""
        return Piece(np.nan_to_num(samples, copy=False, posinf=0.0, neginf=0.0), self._names)
