"""Bare faster-whisper in one process, for bench.pipeline: a transcription for each input line.

Runs in the engine's own environment: ``ENV/bin/python bench/bare_whisper.py MODEL FILE``. Prints
a JSON line when the model is warm, and one for each line that it reads: the seconds it took.
"""

import json
import os
import sys
import time

from faster_whisper import WhisperModel


def main() -> None:
    """Load, warm up, then answer each line."""
    folder, file = sys.argv[1:]
    threads = int(os.environ.get("DALSTON_THREADS", "0") or 0)
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
    _transcribe(model, file)
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        text = _transcribe(model, file)
        print(json.dumps({"seconds": time.perf_counter() - began, "text": text}), flush=True)


def _transcribe(model: WhisperModel, file: str) -> str:
    segments, _ = model.transcribe(file, word_timestamps=True, vad_filter=True)
    return " ".join(segment.text.strip() for segment in segments)


main()
