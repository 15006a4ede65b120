"""One mono track written as it comes: WAV, signed 16 bit, 16 kHz; its peaks taken on the way."""

import wave
from pathlib import Path

import numpy as np

from engines.audio_prepare.mix import Samples, decibels
from engines.audio_prepare.peaks import PeakMeter

RATE = 16_000
SILENCE_DBFS = -60.0
FULL = 32_767
LOUDEST = 1.01
"""Resampling overshoots full scale by so little that nobody hears it cut."""


class TrackFile:
    """A WAV that grows; memory stays that of one write."""

    def __init__(self, path: Path, channel: int | None) -> None:
        self.path = path
        self.channel = channel
        self.clipped = 0
        self.samples = 0
        self.meter = PeakMeter(RATE)
        self._peak = 0.0
        self._file = wave.open(str(path), "wb")  # noqa: SIM115 - it lives as long as this object
        self._file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))

    def write(self, samples: Samples) -> None:
        """Append samples of full scale 1.0; what is beyond it is cut and counted."""
        if not samples.size:
            return
        levels = np.abs(samples)
        self._peak = max(self._peak, float(levels.max()))
        self.clipped += int(np.count_nonzero(levels > LOUDEST))
        self.samples += samples.size
        self.meter.write(levels)
        scaled = np.rint(np.clip(samples, -1.0, 1.0) * FULL).astype("<i2")
        self._file.writeframesraw(scaled.tobytes())

    def close(self) -> None:
        """Write the header's lengths."""
        self._file.close()

    @property
    def peak_dbfs(self) -> float | None:
        """The loudest sample."""
        return decibels(self._peak)

    @property
    def silent(self) -> bool:
        """Nothing in it that anybody could hear."""
        return self.peak_dbfs is None or self.peak_dbfs < SILENCE_DBFS
