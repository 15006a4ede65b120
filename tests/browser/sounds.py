"""Speech of any length, and of two people, made of the sample."""

import io
import wave
from typing import TypeAlias

import av
import numpy as np
from numpy.typing import NDArray

from tests.browser.acts import SAMPLE

Samples: TypeAlias = NDArray[np.int16]
RATE = 16_000
HIGHER = 1.3
"""The other voice: pitch, formants and speed so much higher."""
TURN_S = 8


def spoken(times: int) -> bytes:
    """The sample so many times over, as a WAV file."""
    return wav(np.tile(sample(), times))


def short(seconds: int) -> bytes:
    """The beginning of the sample, as a WAV file."""
    return wav(sample()[: seconds * RATE])


def two_voices() -> bytes:
    """The sample in turns: as it is, and as somebody with a higher voice would read it."""
    low = sample()
    high = low[(np.arange(int(len(low) / HIGHER)) * HIGHER).astype(int)]
    step, short = TURN_S * RATE, int(TURN_S * RATE / HIGHER)
    turns = [
        part
        for n in range(len(low) // step)
        for part in (low[n * step : (n + 1) * step], high[n * short : (n + 1) * short])
    ]
    return wav(np.concatenate(turns))


def sample() -> Samples:
    """The sample's samples, at 16 kHz."""
    resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(SAMPLE)) as file:
        frames = [part for frame in file.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def wav(samples: Samples) -> bytes:
    """A mono file of 16 bits."""
    into = io.BytesIO()
    with wave.open(into, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return into.getvalue()
