"""PocketSphinx called directly. Runs in its engine's environment; JSON in and out.

In: {"files": […], "texts": […]}. Out, for each file: its words with their times, and the seconds it
took. As its documentation aligns: known text, and words that the dictionary lacks left out.
"""

import json
import re
import sys
import time
import wave

from pocketsphinx import Decoder


def main() -> None:
    """All files, one after the other."""
    asked = json.load(sys.stdin)
    decoder = Decoder(lm=None, bestpath=False, loglevel="FATAL")
    pairs = zip(asked["files"], asked["texts"], strict=True)
    print(json.dumps([_aligned(decoder, file, text) for file, text in pairs]))


def _aligned(decoder: Decoder, file: str, text: str) -> dict[str, object]:
    with wave.open(file) as audio:
        pcm = audio.readframes(audio.getnframes())
    began = time.perf_counter()
    tokens = re.findall(r"[a-z']+", text.lower())
    decoder.set_align_text(" ".join(word for word in tokens if decoder.lookup_word(word)))
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    rate = decoder.config["frate"]
    words = [
        (re.sub(r"\(\d+\)$", "", item.word), item.start_frame / rate, (item.end_frame + 1) / rate)
        for item in decoder.seg() or ()
        if item.word[0] not in "<[("
    ]
    return {"text": text, "words": words, "seconds": time.perf_counter() - began}


main()
