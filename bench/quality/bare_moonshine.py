"""Moonshine's library called directly. Runs in its engine's environment; JSON in and out.

In: {"files": […]}. Out, for each file: its text, and the seconds it took.
"""

import json
import sys
import time
import wave

import numpy as np
from moonshine_voice.moonshine_api import ModelArch
from moonshine_voice.transcriber import Transcriber
from moonshine_voice.utils import get_model_path


def main() -> None:
    """All files, one after the other."""
    files = json.load(sys.stdin)["files"]
    transcriber = Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY)
    print(json.dumps([_heard(transcriber, file) for file in files]))


def _heard(transcriber: Transcriber, file: str) -> dict[str, object]:
    with wave.open(file) as audio:
        samples = np.frombuffer(audio.readframes(audio.getnframes()), "<i2") / 32_768
    began = time.perf_counter()
    found = transcriber.transcribe_without_streaming(samples.tolist())
    text = " ".join(line.text.strip() for line in found.lines)
    return {"text": text, "seconds": time.perf_counter() - began}


main()
