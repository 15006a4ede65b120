"""whisperx.align called directly: `python bare.py MODEL AUDIO TRANSCRIPT` prints its words."""

import json
import sys
import tempfile
import wave
from pathlib import Path

import nltk
import numpy as np

from engines.whisperx.library import alignment

model, audio, transcript = sys.argv[1:]
data = Path(tempfile.mkdtemp())
punkt = data / "tokenizers" / "punkt_tab" / "english"  # knows no abbreviation: none is in the text
punkt.mkdir(parents=True)
for name in ("collocations.tab", "sent_starters.txt", "abbrev_types.txt", "ortho_context.tab"):
    (punkt / name).write_text("")
nltk.data.path.insert(0, str(data))
library = alignment()
loaded, meta = library.load_align_model("en", "cpu", model_name=model, model_cache_only=True)
with wave.open(audio) as file:
    pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32_768
segments = json.loads(Path(transcript).read_text())["segments"]
found = library.align(segments, loaded, meta, pcm, "cpu")
print("RESULT" + json.dumps(found["word_segments"]))
