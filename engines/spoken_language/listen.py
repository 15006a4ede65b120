"""A track, half a minute of speech here and there: found by voice detection, judged by Whisper."""

import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from engines.sdk.windows import RATE, Samples
from engines.spoken_language.votes import Vote, spread

STRETCH_S = 60
LISTEN_S = 30
"""As much speech as Whisper judges at once."""
LEAST_S = 0.5


def stretches(path: Path) -> Iterator[Samples]:
    """All minutes of a WAV (signed 16 bit, 16 kHz, mono), from all over it; one in memory."""
    with wave.open(str(path), "rb") as file:
        length = STRETCH_S * RATE
        for number in spread(-(-file.getnframes() // length)):
            file.setpos(number * length)
            raw = np.frombuffer(file.readframes(length), "<i2")
            yield raw.astype(np.float32) / np.float32(32_768)


def speech(samples: Samples) -> Samples:
    """Its first half minute of speech, without the pauses; empty where nobody speaks."""
    from faster_whisper.vad import VadOptions, get_speech_timestamps  # noqa: PLC0415 - heavy

    options = VadOptions(min_speech_duration_ms=250, speech_pad_ms=100)
    found = get_speech_timestamps(samples, options)
    parts = [samples[part["start"] : part["end"]] for part in found]
    return np.concatenate([samples[:0], *parts])[: LISTEN_S * RATE]


def vote(model: Any, spoken: Samples) -> Vote | None:
    """What a WhisperModel makes of it; None when there is too little to judge."""
    if len(spoken) < LEAST_S * RATE:
        return None
    _, _, chances = model.detect_language(spoken)
    scores = {str(language): float(chance) for language, chance in chances}
    return Vote(len(spoken) / RATE, scores)
