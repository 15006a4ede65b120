"""Any audio as the track that engines hear: WAV, signed 16 bit, 16 kHz, mono; without a stack.

With PyAV here it takes whatever FFmpeg reads; without it, 16 bit WAV files. The stack's own tracks
are made by the engine of the stage `prepare`, which measures far more.
"""

import array
import importlib.util
import sys
import wave
from pathlib import Path
from typing import TypeAlias

from engines.sdk.contract import InvalidInput

RATE = 16_000
Samples: TypeAlias = "array.array[int]"


def convert(source: Path, target: Path) -> float:
    """Write ``source`` as a track to ``target``; its seconds.

    Raises:
        InvalidInput: it cannot be read; the message says what would help.
    """
    if importlib.util.find_spec("av") is not None:
        _decode(source, target)
    else:
        write(target, _resample(*_read(source)))
    return seconds(target)


def write(target: Path, samples: Samples) -> None:
    """Mono samples (signed 16 bit, at RATE) as a WAV file."""
    with wave.open(str(target), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())


def seconds(path: Path) -> float:
    """How long a WAV file is."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def _decode(source: Path, target: Path) -> None:
    import av  # noqa: PLC0415 - not a dependency of the kit: used where the engine has it

    try:
        with av.open(str(source)) as container, wave.open(str(target), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
            if not container.streams.audio:
                raise InvalidInput(f"{source.name} has no audio")
            resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
            for frame in container.decode(audio=0):
                frame.pts = None
                for piece in resampler.resample(frame):
                    file.writeframes(bytes(piece.planes[0])[: piece.samples * 2])
            for piece in resampler.resample(None):
                file.writeframes(bytes(piece.planes[0])[: piece.samples * 2])
    except av.error.FFmpegError as error:
        raise InvalidInput(f"{source.name} cannot be decoded: {error}") from None


def _read(source: Path) -> tuple[Samples, int]:
    """The samples of a 16 bit WAV, its channels averaged, and its rate."""
    try:
        with wave.open(str(source), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            raw = file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise InvalidInput(
            f"{source.name} is not a WAV file ({error}): give one, or let the engine have "
            "av (in its requirements.in), which reads every format"
        ) from None
    if width != 2:
        raise InvalidInput(
            f"{source.name} has {8 * width} bit samples: give 16 bit, or av in its requirements.in"
        )
    samples = array.array("h", raw)
    if sys.byteorder == "big":
        samples.byteswap()
    if channels > 1:
        lanes = [samples[lane::channels] for lane in range(channels)]
        mixed = (sum(group) // channels for group in zip(*lanes, strict=True))
        samples = array.array("h", mixed)
    return samples, rate


def _resample(samples: Samples, rate: int) -> Samples:
    """Linear interpolation after averaging: plain, but fit for a trial without PyAV."""
    if rate == RATE or not samples:
        return samples
    step = rate / RATE
    width = max(1, round(step))
    if width > 1:
        lanes = [samples[lane:] for lane in range(width)]
        samples = array.array("h", (sum(group) // width for group in zip(*lanes, strict=False)))
    last = len(samples) - 1
    out = array.array("h")
    for n in range(int(last / step) + 1):
        at = n * step
        low = int(at)
        high = min(low + 1, last)
        out.append(round(samples[low] + (samples[high] - samples[low]) * (at - low)))
    return out
