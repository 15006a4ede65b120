"""One loaded model: where the letters of a text are in the audio, by WhisperX's own functions.

`whisperx.align` itself would cut the segments anew, by sentences and with data that it downloads;
here they stay as they are, and a stretch of any length is heard in windows.
"""

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.sdk.aligning import Report
from engines.sdk.contract import ModelUnavailable
from engines.sdk.ladder import Rung, descend, rungs
from engines.sdk.places import Place
from engines.whisperx import text
from engines.whisperx.models import speaks
from engines.whisperx.windows import STEP, spans

RATE = 16_000
WINDOW_S = 32
"""Heard at once; halved when memory is short. A model's memory grows with its square."""
MOST_CELLS = 300_000_000
"""Frames times letters, 4 bytes each: a segment of ten minutes."""
SHORTEST = 400
"""Samples: what the model's first layers need."""


class Speech:
    """A model on a device."""

    def __init__(self, alignment: Any, folder: Path, device: str, types: Sequence[str]) -> None:
        said = io.StringIO()
        try:
            with contextlib.redirect_stdout(said):  # the library prints why, and raises without
                self._model, self.meta = self._load(alignment, folder, device)
        except Exception as error:  # noqa: BLE001 - whatever it meets, it is this
            reason = (said.getvalue().strip() or str(error) or type(error).__name__).splitlines()[0]
            raise ModelUnavailable(f"model in {folder} does not load: {reason}") from None
        self._alignment, self._device = alignment, device
        self._model.eval()
        self._rungs = rungs(WINDOW_S, tuple(types))
        self._type = "float32"
        self._blank = next(
            (code for sign, code in self.meta["dictionary"].items() if sign in {"[pad]", "<pad>"}),
            0,
        )

    @property
    def rung(self) -> Rung:
        """Seconds heard at once, and in which numbers."""
        return self._rungs[0]

    def places(
        self, pcm: bytes, words: Sequence[str], report: Report, *, language: str, characters: bool
    ) -> list[Place | None] | None:
        """Where each word is said; None for all when the letters do not fit the audio."""
        import torch  # noqa: PLC0415 - heavy: only the child needs it

        vocabulary = self.meta["dictionary"]
        letters = text.letters(words, language, vocabulary)
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        frames = max(1, len(samples) // STEP)
        if len(letters) > frames or frames * len(letters) > MOST_CELLS:
            return None
        emission, self._rungs = descend(
            lambda rung: self._heard(samples, rung, report), self._rungs
        )
        wild = emission.size(1)
        if any(letter.sign not in vocabulary for letter in letters):
            others = torch.ones(wild, dtype=torch.bool)
            others[self._blank] = False
            best = emission[:, others].max(dim=1).values
            emission = torch.cat([emission, best.unsqueeze(1)], dim=1)
        tokens = torch.tensor([vocabulary.get(letter.sign, wild) for letter in letters])
        trellis = self._alignment.get_trellis(emission, tokens, self._blank)
        path = self._alignment.backtrack(trellis, emission, tokens, self._blank)
        if path is None:
            return None
        found = self._alignment.merge_repeats(path, [letter.sign for letter in letters])
        if len(found) != len(letters):
            return None
        frame_s = len(samples) / RATE / emission.size(0)
        pairs = zip(letters, found, strict=True)
        return text.places(pairs, len(words), frame_s, characters=characters)

    def _heard(self, samples: Any, rung: Rung, report: Report) -> Any:
        """How likely each sign is in each frame (log), window by window."""
        import torch  # noqa: PLC0415

        self._become(rung.compute_type or "float32")
        if len(samples) < SHORTEST:
            samples = np.pad(samples, (0, SHORTEST - len(samples)))
        parts = []
        for span in spans(len(samples), rung.batch * RATE):
            piece = torch.from_numpy(samples[span.start : span.end])[None].to(self._device)
            with torch.inference_mode():
                out = self._model(piece.half() if self._type == "float16" else piece)
            logits = out[0] if self.meta["type"] == "torchaudio" else out.logits
            part = torch.log_softmax(logits[0].float(), dim=-1).cpu()
            parts.append(part[span.skip : span.keep])
            report(span.end / RATE)
        return torch.cat(parts)

    def _become(self, kind: str) -> None:
        if kind != self._type:
            self._model = self._model.half() if kind == "float16" else self._model.float()
            self._type = kind

    @staticmethod
    def _load(alignment: Any, folder: Path, device: str) -> Any:
        code = speaks(folder.name) or ""
        if (folder / "config.json").is_file():
            return alignment.load_align_model(
                code, device, model_name=str(folder), model_cache_only=True
            )
        return alignment.load_align_model(code, device, model_dir=str(folder))  # torchaudio's
