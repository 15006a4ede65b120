"""The open source → float samples at 16 kHz, one channel a row, piece by piece."""

from collections.abc import Iterator

import av
import numpy as np
from av.stream import Stream

from engines.audio_prepare.mix import Samples
from engines.audio_prepare.source import Source
from engines.audio_prepare.track import RATE
from engines.sdk.contract import InvalidInput

MAX_HOURS = 24
SLACK_S = 1.0
"""Headers round and estimate: so much less than declared is not called truncated."""


class Decoding:
    """Samples out, and what was met on the way: seconds decoded, damage, where it ended."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._resampler = av.AudioResampler(format="fltp", rate=RATE)
        self._setup: tuple[int, str] | None = None
        self._end = 0.0
        self.seconds = 0.0
        self.damaged = 0
        self.first_damage: float | None = None

    def pieces(self) -> Iterator[tuple[Samples, tuple[str, ...]]]:
        """(channels, n) samples with the channels' names (FL, FR, …).

        Raises:
            InvalidInput: it goes on for more than MAX_HOURS.
        """
        names: tuple[str, ...] = ()
        for frame in self._frames():
            names = tuple(channel.name for channel in frame.layout.channels)
            setup = (frame.sample_rate, frame.layout.name)
            if self._setup not in {None, setup}:  # it may change in the middle of a stream
                yield from ((_rows(f), names) for f in self._resampler.resample(None))
                self._resampler = av.AudioResampler(format="fltp", rate=RATE)
            self._setup = setup
            self._count(frame)
            yield from ((_rows(f), names) for f in self._resampler.resample(frame))
        if self._setup:
            yield from ((_rows(f), names) for f in self._resampler.resample(None))

    def warnings(self) -> list[str]:
        """What whoever submitted the file should know of it."""
        found = []
        declared = self._source.declared
        reached = max(self._end, self.seconds)
        if declared is not None and reached < declared - max(SLACK_S, declared / 100):
            found.append(
                f"the file is cut off: it declares {declared:.2f} s and ends after {reached:.2f} s"
            )
        if self.damaged:
            found.append(
                f"{self.damaged} damaged pieces left out, the first at {self.first_damage:.2f} s"
            )
        if self._source.ignored:
            found.append(f"{self._source.ignored} more audio streams in the file were not used")
        return found

    def _frames(self) -> Iterator[av.AudioFrame]:
        for packet in self._packets():
            if packet.stream is not self._source.stream:
                continue
            try:
                yield from self._source.stream.decode(packet)
            except av.error.FFmpegError:
                self._damage()

    def _packets(self) -> "Iterator[av.Packet[Stream]]":
        """All packets, of video too: how far they go shows whether the file is whole."""
        packets = self._source.container.demux()
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # what comes behind cannot be found any more
                self._damage()
                return
            if packet is None:
                return
            self._note(packet)
            yield packet

    def _note(self, packet: "av.Packet[Stream]") -> None:
        if packet.pts is not None and packet.time_base:
            start = self._source.container.start_time or 0
            end = (packet.pts + (packet.duration or 0)) * packet.time_base
            self._end = max(self._end, float(end) - start / av.time_base)

    def _count(self, frame: av.AudioFrame) -> None:
        self.seconds += frame.samples / frame.sample_rate
        frame.pts = None  # the samples are what counts, not what the container says of them
        if self.seconds > MAX_HOURS * 3600:
            raise InvalidInput(f"it lasts more than {MAX_HOURS} hours: cut it into parts")

    def _damage(self) -> None:
        self.damaged += 1
        if self.first_damage is None:
            self.first_damage = self.seconds


def _rows(frame: av.AudioFrame) -> Samples:
    """(channels, n); what is no number is silence."""
    samples = frame.to_ndarray().astype(np.float32, copy=False)
    return np.nan_to_num(samples, copy=False, posinf=0.0, neginf=0.0)
