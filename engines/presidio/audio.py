"""Tracks with stretches made inaudible: silence or a tone, with soft edges, block by block."""

import wave
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from streams.transcript import Redacted

PAD_S = 0.15
"""Before and after each stretch: the times of words are that exact."""
EDGE_S = 0.01
"""Outside of it the sound fades for so long, that nothing clicks."""
BLOCK = 16_384
TONE_HZ = 1000.0
TONE = 0.1
"""Of full scale: -20 dB, about as loud as speech."""

Span = tuple[float, float]


def spans(redactions: Iterable[Redacted], channel: int | None) -> list[Span]:
    """The stretches of one track, padded, those that touch as one.

    What is of no known channel is in every track, and a track that is a mix has all.
    """
    found: list[Span] = []
    for one in sorted(redactions, key=lambda one: one.start):
        if channel is not None and one.channel not in {None, channel}:
            continue
        start, end = max(one.start - PAD_S, 0.0), one.end + PAD_S
        if found and start <= found[-1][1]:
            start, end = found[-1][0], max(found.pop()[1], end)
        found.append((start, end))
    return found


def veil(
    source: Path,
    target: Path,
    stretches: Sequence[Span],
    how: Literal["beep", "silence"],
    done: Callable[[float], None] = lambda _: None,
) -> None:
    """Write the track (WAV, 16 bit, mono) with these stretches beeped or silent.

    Stretches are in seconds, in order, apart from each other, as `spans` gives them.
    """
    import numpy as np  # noqa: PLC0415 - a dependency of the model's library

    with wave.open(str(source), "rb") as heard, wave.open(str(target), "wb") as made:
        made.setparams(heard.getparams())
        rate, total = heard.getframerate(), max(heard.getnframes(), 1)
        edges = [(round(start * rate), round(end * rate)) for start, end in stretches]
        ends, reach = [end for _, end in edges], EDGE_S * rate
        at = 0
        while block := heard.readframes(BLOCK):
            samples = np.frombuffer(block, dtype="<i2").astype(np.float64)
            places = np.arange(at, at + len(samples), dtype=np.float64)
            far = np.full(len(samples), reach)
            for start, end in edges[bisect_left(ends, at - reach) :]:
                if start - reach > at + len(samples):
                    break
                far = np.minimum(far, np.maximum(np.maximum(start - places, places - end), 0))
            gain = 0.5 - 0.5 * np.cos(np.pi * far / reach)
            samples *= gain
            if how == "beep":
                tone = np.sin(2 * np.pi * TONE_HZ * places / rate)
                samples += (1 - gain) * TONE * 32767 * tone
            made.writeframes(np.round(samples).clip(-32768, 32767).astype("<i2").tobytes())
            at += len(samples)
            done(min(at / total, 1.0))
