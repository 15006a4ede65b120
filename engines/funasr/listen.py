"""One loaded model listening to a window of a track: clips in batches, smaller when memory ends."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from engines.funasr import pauses
from engines.funasr.pauses import Clip
from engines.funasr.results import Heard, parsed
from engines.sdk.ladder import Rung, descend, rungs
from engines.sdk.windows import RATE, Samples

BATCH = {"cpu": 4, "cuda": 16}
SHORTEST_S = 0.1


class Listener:
    """Wraps an AutoModel, and one that finds speech if there is any.

    compute_types: to use, and then those to try where that does not fit into memory.
    """

    def __init__(self, model: Any, vad: Any, device: str, compute_types: Sequence[str]) -> None:
        self._model = model
        self._vad = vad
        self._device = device
        self._rungs = rungs(BATCH[device], compute_types)

    @property
    def compute_type(self) -> str | None:
        """Of the arithmetic now: the first, or that which fitted."""
        return self._rungs[0].compute_type

    def clips(self, samples: Samples, *, vad: bool) -> list[Clip]:
        """Where to listen, each clip short enough for the model."""
        if not vad:
            return pauses.clips(samples, pauses.whole(samples))
        return pauses.clips(samples, self._speech(samples))

    def hear(
        self, samples: Samples, clips: Sequence[Clip], options: dict[str, Any]
    ) -> Iterator[tuple[Clip, Heard]]:
        """What is said in each clip, in order; a batch at a time.

        Raises:
            OutOfMemory: one clip alone is too much.
        """
        left = [clip for clip in clips if clip.end - clip.start >= SHORTEST_S]
        while left:

            def attempt(rung: Rung) -> list[tuple[Clip, Heard]]:
                batch = left[: rung.batch]  # noqa: B023 - called at once
                audio = [samples[int(c.start * RATE) : int(c.end * RATE)].copy() for c in batch]
                results = self._generate(audio, rung, options)
                return list(zip(batch, map(parsed, results), strict=True))

            heard, self._rungs = descend(attempt, self._rungs)
            yield from heard
            left = left[len(heard) :]

    def _speech(self, samples: Samples) -> list[Clip]:
        if self._vad is None:
            return pauses.loud(samples)
        try:
            found = self._vad.generate(input=samples)[0]["value"]
        except ValueError:  # it takes the logarithm of 0 where it is all too sure of silence
            return pauses.loud(samples)
        ends = len(samples) / RATE
        speech = (Clip(max(0.0, first / 1000), min(ends, last / 1000)) for first, last in found)
        return [clip for clip in speech if clip.end > clip.start]

    def _generate(
        self, audio: list[Samples], rung: Rung, options: dict[str, Any]
    ) -> list[dict[str, Any]]:
        """One result a clip."""
        try:
            with self._precision(rung.compute_type):
                found = self._model.generate(input=audio, batch_size=len(audio), **options)
        except IndexError:  # SenseVoice, when a text does not spell the tokens that it came from
            if len(audio) > 1:
                return [self._generate([one], rung, options)[0] for one in audio]
            if not options.get("output_timestamp"):
                return [{"failed": True}]
            return self._generate(audio, rung, {**options, "output_timestamp": False})
        # A batch in which nobody speaks is answered with one empty result, or none.
        return found if len(found) == len(audio) else [{}] * len(audio)

    def _precision(self, compute_type: str | None) -> contextlib.AbstractContextManager[Any]:
        if compute_type in {None, "float32"}:
            return contextlib.nullcontext()
        import torch  # noqa: PLC0415 - heavy

        dtype = getattr(torch, str(compute_type))
        precision: contextlib.AbstractContextManager[Any] = torch.autocast(self._device, dtype)
        return precision
