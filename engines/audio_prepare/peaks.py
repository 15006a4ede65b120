"""How loud a track is throughout, from samples as they come: memory stays that of the answer."""

import numpy as np

from engines.audio_prepare.mix import Samples
from streams.transcript import Peaks

MOST = 20_000
"""Windows at most, an even number: of one more, each two become one of twice the length."""
SHORTEST_S = 0.05


class PeakMeter:
    """The loudest sample of each window; windows grow with the track."""

    def __init__(self, rate: int, most: int = MOST) -> None:
        self._rate = rate
        self._short = round(rate * SHORTEST_S)
        """Samples of the shortest window."""
        self._scale = 1
        """So many of those are one window now."""
        self._levels = np.zeros(most, np.float32)
        self._count = 0
        """Windows that are complete."""
        self._open = np.zeros(0, np.float32)
        """The loudest of each shortest window in the one that is not."""
        self._rest = np.zeros(0, np.float32)
        """Samples after those."""

    def write(self, levels: Samples) -> None:
        """Take in the next samples, without their signs; 1.0 is full scale."""
        samples = np.concatenate((self._rest, levels))
        count = len(samples) // self._short
        whole = samples[: count * self._short].reshape(count, self._short)
        self._rest = samples[count * self._short :].copy()
        if count:
            self._add(np.concatenate((self._open, whole.max(axis=1))))

    def peaks(self) -> Peaks:
        """All that was taken in; the last window may be a short one."""
        levels, scale = self._levels[: self._count], self._scale
        last = np.concatenate((self._open, self._rest))
        if last.size:
            levels = np.append(levels, last.max())
        if len(levels) > len(self._levels):
            levels, scale = _pairs(np.append(levels, np.float32(0))), 2 * scale
        # A quiet sound is drawn, too: only silence is 0.
        loud = np.ceil(np.clip(levels, 0.0, 1.0) * 255).astype(np.uint8)
        return Peaks(scale * self._short / self._rate, loud.tobytes())

    def _add(self, found: Samples) -> None:
        most = len(self._levels)
        while len(found) >= self._scale:
            if self._count == most:
                self._count = most // 2
                self._levels[: self._count] = _pairs(self._levels)
                self._scale *= 2
                continue
            count = min(len(found) // self._scale, most - self._count)
            whole = found[: count * self._scale].reshape(count, self._scale)
            self._levels[self._count : self._count + count] = whole.max(axis=1)
            self._count += count
            found = found[count * self._scale :]
        self._open = found.copy()


def _pairs(levels: Samples) -> Samples:
    """The louder of each two."""
    pairs: Samples = levels.reshape(-1, 2).max(axis=1)
    return pairs
