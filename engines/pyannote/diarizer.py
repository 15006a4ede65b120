"""One loaded pipeline on a whole track: window by window, its voices joined across them."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from engines.pyannote import voices
from engines.pyannote.turns import Said
from engines.pyannote.voices import Vector, Voice
from engines.sdk.ladder import Rung, descend
from engines.sdk.wav import seconds
from engines.sdk.windows import RATE, SEARCH_S, Window, windows

WINDOW_S = 900.0
"""No stretch is longer: what a pipeline holds grows with the length, its distances squared."""
SHARE = {"segmentation": (0.0, 0.2), "embeddings": (0.2, 1.0)}
"""Where in a window's work each step of the pipeline begins and ends, by time on a CPU."""

Tell = Callable[[float], None]


class Bounds(NamedTuple):
    """How many speakers there are, as far as it is known."""

    fewest: int | None = None
    most: int | None = None


class Heard(NamedTuple):
    """A track's turns, by person; ``nearest``: cosine distance of its two most alike people."""

    turns: list[Said]
    exclusive: list[Said]
    nearest: float


class Diarizer:
    """Wraps a SpeakerDiarization pipeline; ``rungs`` say how many stretches it takes at once."""

    def __init__(self, pipeline: Any, rungs: Sequence[Rung]) -> None:
        self._pipeline = pipeline
        self._rungs = rungs

    @property
    def batch(self) -> int:
        """What fits into memory, as far as it has been tried."""
        return self._rungs[0].batch

    def track(self, path: Path, channel: int | None, bounds: Bounds, tell: Tell) -> Heard:
        """Who speaks when in a WAV; ``tell`` gets, again and again, the seconds that are done.

        Raises:
            OutOfMemory: one stretch at a time is too much.
        """
        length = window_seconds(seconds(path), WINDOW_S)
        single = seconds(path) <= length
        found: list[Voice] = []
        said: list[list[Said]] = [[], []]
        for number, window in enumerate(windows(path, length)):
            asked = bounds if single else bounds._replace(fewest=None)  # some may be silent here
            output = self._window(window, asked, tell)
            labels = output.speaker_diarization.labels()
            first = {label: len(found) + place for place, label in enumerate(labels)}
            for label, centroid in zip(labels, _centroids(output, len(labels)), strict=True):
                spoken = output.speaker_diarization.label_duration(label)
                found.append(Voice(number, spoken, centroid))
            both = (output.speaker_diarization, output.exclusive_speaker_diarization)
            for kind, annotation in zip(said, both, strict=True):
                kind.extend(_said(annotation, window.start, first, channel))
            tell(window.start + window.seconds)
        if single:
            owners = list(range(len(found)))
        else:
            owners = voices.people(found, fewest=bounds.fewest or 1, most=bounds.most)
        turns, exclusive = ([turn._replace(person=owners[turn.person]) for turn in s] for s in said)
        return Heard(turns, exclusive, voices.nearest(voices.centroids(found, owners)))

    def _window(self, window: Window, bounds: Bounds, tell: Tell) -> Any:
        import torch  # noqa: PLC0415 - heavy, and only the child has it

        def attempt(rung: Rung) -> Any:
            self._pipeline.segmentation_batch_size = rung.batch
            self._pipeline.embedding_batch_size = rung.batch
            return self._pipeline(
                {"waveform": torch.from_numpy(window.samples)[None], "sample_rate": RATE},
                min_speakers=bounds.fewest,
                max_speakers=bounds.most,
                hook=_hook(window, tell),
            )

        output, self._rungs = descend(attempt, self._rungs)
        return output


def window_seconds(total: float, longest: float) -> float:
    """Windows of about the same length, so that the last one is no scrap without context."""
    if total <= longest:
        return longest
    count = math.ceil(total / (longest - SEARCH_S))
    return min(longest, total / count + SEARCH_S / 2)


def _hook(window: Window, tell: Tell) -> Callable[..., None]:
    def hook(
        step: str,
        _: object,
        file: object = None,  # noqa: ARG001 - the library names it
        total: int | None = None,
        completed: int | None = None,
    ) -> None:
        if step in SHARE and total and completed is not None:
            begins, ends = SHARE[step]
            part = begins + (ends - begins) * min(completed / total, 1.0)
            tell(window.start + window.seconds * part)

    return hook


def _centroids(output: Any, count: int) -> Iterator[Vector]:
    """One for each speaker; a pipeline that has none gives nothing to compare."""
    rows = output.speaker_embeddings
    for place in range(count):
        yield np.zeros(1) if rows is None else np.nan_to_num(np.asarray(rows[place], np.float64))


def _said(
    annotation: Any, offset: float, numbers: dict[str, int], channel: int | None
) -> Iterator[Said]:
    for segment, _, label in annotation.itertracks(yield_label=True):
        start, end = float(segment.start), float(segment.end)  # numpy's, of some pipelines
        yield Said(offset + start, offset + end, numbers[label], channel)
