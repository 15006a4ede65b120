"""One loaded model listening to a window of audio: find speech, batch it, doubt what comes."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from engines.faster_whisper import shapes
from engines.faster_whisper.clips import MAX_CLIP_S, Clip, packed
from engines.faster_whisper.request import BEAM, Request
from engines.faster_whisper.weights import Weights
from engines.sdk.windows import RATE, Samples, Window, quietest
from streams.transcript import Segment

SILENT_GAP_S = 2.0
DETECTION_S = 90


class Listener:
    """Listens with a model; one for a task."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights

    def clips(self, window: Window, *, vad: bool) -> list[Clip]:
        """Where to listen, each clip short enough for the model."""
        if not vad:
            return list(_even(window.samples))
        from faster_whisper.vad import VadOptions, get_speech_timestamps  # noqa: PLC0415

        options = VadOptions(
            max_speech_duration_s=MAX_CLIP_S, min_silence_duration_ms=500, speech_pad_ms=200
        )
        found = get_speech_timestamps(window.samples, options)
        return packed(Clip(part["start"] / RATE, part["end"] / RATE) for part in found)

    def language(self, window: Window, clips: Sequence[Clip]) -> tuple[str, float]:
        """The language of the first speech, with the probability that the model gives it."""
        import numpy as np  # noqa: PLC0415

        speech = [_cut(window, clip) for clip in clips]
        audio = np.concatenate(speech)[: DETECTION_S * RATE]
        code, probability, _ = self._weights.fit(
            lambda model, _: model.detect_language(
                audio, language_detection_segments=DETECTION_S // 30
            )
        )
        return str(code), round(float(probability), 4)

    def segments(
        self, window: Window, clips: Sequence[Clip], request: Request, channel: int | None
    ) -> Iterator[Segment]:
        """What is said in the clips, in order; one batch at a time."""
        for first in range(0, len(clips), request.batch):
            for heard in self._heard(window, clips[first : first + request.batch], request):
                start, end = (window.start + edge for edge in heard.clip)
                words = shapes.spoken(heard.heard, window.start + heard.offset, start, end)
                yield from shapes.segments(
                    heard.heard, words, channel=channel, keep_words=request.keep_words
                )

    def _heard(self, window: Window, clips: Sequence[Clip], request: Request) -> Iterator["_Heard"]:
        for clip, heard in zip(clips, self._batch(window, clips, request), strict=True):
            if shapes.is_silence(heard):
                continue
            if shapes.is_doubtful(heard):
                for again in self._again(window, clip, request):
                    if not shapes.is_silence(again):
                        yield _Heard(clip, clip.start, again)
            else:
                yield _Heard(clip, 0.0, heard)

    def _batch(self, window: Window, clips: Sequence[Clip], request: Request) -> list[shapes.Heard]:
        """One segment a clip, times from the window's start; fewer at once when memory is short.

        Raises:
            OutOfMemory: one clip alone, in the smallest compute type, is too much.
        """
        from faster_whisper import BatchedInferencePipeline  # noqa: PLC0415 - a heavy library

        def heard(model: Any, batch: int) -> list[shapes.Heard]:
            found, _ = BatchedInferencePipeline(model).transcribe(
                window.samples,
                clip_timestamps=[clip._asdict() for clip in clips],
                batch_size=batch,
                without_timestamps=True,  # with them it loses what follows the last one
                **_common(request),
            )
            return list(found)

        return self._weights.fit(heard)

    def _again(self, window: Window, clip: Clip, request: Request) -> list[shapes.Heard]:
        """A second try at rising temperatures, as no batch can; times from the clip's start."""

        def heard(model: Any, _: int) -> list[shapes.Heard]:
            found, _info = model.transcribe(
                _cut(window, clip),
                condition_on_previous_text=False,
                hallucination_silence_threshold=SILENT_GAP_S,
                **_common(request),
            )
            return list(found)

        return self._weights.fit(heard)


class _Heard(NamedTuple):
    clip: Clip
    offset: float
    heard: shapes.Heard


def _common(request: Request) -> dict[str, Any]:
    return {
        "language": request.language,
        "task": request.task,
        "beam_size": BEAM,
        "word_timestamps": True,
        "vad_filter": False,
        "hotwords": request.hotwords,
        "initial_prompt": request.initial_prompt,
    }


def _cut(window: Window, clip: Clip) -> Samples:
    return window.samples[int(clip.start * RATE) : int(clip.end * RATE)]


def _even(samples: Samples) -> Iterator[Clip]:
    """All of it, cut where it is quietest."""
    start, longest = 0, int(MAX_CLIP_S * RATE)
    while start < len(samples):
        piece = samples[start : start + longest]
        whole = start + longest >= len(samples)
        end = start + (len(piece) if whole else quietest(piece, 5 * RATE))
        yield Clip(start / RATE, end / RATE)
        start = end
