"""Real audio and video files, made at test time with PyAV."""

from pathlib import Path
from typing import Any, TypeAlias, cast

import av
import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.float32]


def tone(
    seconds: float, rate: int = 16_000, channels: int = 1, *, level: float = 0.5, hertz: int = 440
) -> Samples:
    """(channels, n): a sine in each channel, an octave's share higher from one to the next."""
    time = np.arange(int(seconds * rate)) / rate
    rows = [level * np.sin(2 * np.pi * hertz * (n + 1) * time) for n in range(channels)]
    return np.stack(rows).astype(np.float32)


def quiet(seconds: float, rate: int = 16_000, channels: int = 1) -> Samples:
    """Nothing but zeros."""
    return np.zeros((channels, int(seconds * rate)), np.float32)


def encode(
    path: Path,
    samples: Samples,
    rate: int = 16_000,
    codec: str = "pcm_s16le",
    *,
    layout: str = "",
    pictures: float = 0.0,
    container: dict[str, str] | None = None,
    begin: float = 0.0,
) -> Path:
    """A file of the kind that its name says.

    Args:
        layout: FFmpeg's name, mono or stereo unless given.
        pictures: seconds of video beside it.
        begin: the sound's first time, in seconds.
    """
    layout = layout or ("mono" if len(samples) == 1 else "stereo")
    with av.open(str(path), "w", options=container or {}) as file:
        stream = cast("Any", file.add_stream(codec, rate=rate, layout=layout))
        video = cast("Any", file.add_stream("mpeg4", rate=10)) if pictures else None
        if video is not None:
            _draw(file, video, pictures)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", layout)
        frame.sample_rate = rate
        frame.pts = int(begin * rate)
        resampler = av.AudioResampler(
            format=stream.codec_context.format,
            layout=layout,
            rate=rate,
            frame_size=stream.codec_context.frame_size or 1024,
        )
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))
    return path


def _draw(file: Any, video: Any, seconds: float) -> None:
    video.width = video.height = 64
    video.pix_fmt = "yuv420p"
    for number in range(int(seconds * 10)):
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), number % 255, np.uint8), "rgb24")
        picture.pts = number
        file.mux(video.encode(picture))
    file.mux(video.encode(None))


def cut(path: Path, share: float) -> Path:
    """The file broken off after a share of its bytes, beside the whole one."""
    data = path.read_bytes()
    broken = path.with_name(f"cut-{path.name}")
    broken.write_bytes(data[: int(len(data) * share)])
    return broken


def patched(path: Path, at: int, data: bytes) -> Path:
    """The file with other bytes at a place, beside the whole one."""
    content = bytearray(path.read_bytes())
    content[at : at + len(data)] = data
    hurt = path.with_name(f"hurt-{path.name}")
    hurt.write_bytes(content)
    return hurt
