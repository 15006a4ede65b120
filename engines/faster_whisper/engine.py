"""Stage transcribe: Whisper through faster-whisper, in batches, with the times of each word."""

import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.faster_whisper import device, models, shapes
from engines.faster_whisper.request import BEAM, Options, check, request
from engines.faster_whisper.settings import WhisperSettings
from engines.faster_whisper.tongue import Tongue, settled
from engines.faster_whisper.weights import Weights
from engines.sdk.contract import Engine, ModelUnavailable, Task
from streams.settings import read
from streams.transcript import LanguageFound, Track, Transcript

if TYPE_CHECKING:
    from engines.faster_whisper.hearing import Hearing

UNSURE = 0.5
BATCH = {"cpu": 4, "cuda": 16}
"""Measured on two cores: 4 clips at once take half the time of one by one, more gain nothing."""
LIBRARIES = ("faster-whisper", "ctranslate2")


class FasterWhisper(Engine):
    """Any Whisper model in CTranslate2's format; tiny.en comes with the environment."""

    name = "faster_whisper"
    stage = "transcribe"
    version = "0.1.0"
    any_model = True
    needs_model = True

    def __init__(self, settings: WhisperSettings | None = None) -> None:
        self._settings = settings or read(WhisperSettings, os.environ)
        self._shelf = models.Shelf(self._settings.models_folder)
        self._weights: Weights | None = None
        self._name = self._sha256 = ""

    def models(self) -> tuple[str, ...]:
        return self._shelf.names()

    def default_model(self) -> str | None:
        return self._settings.whisper_model or super().default_model()

    def languages(self) -> dict[str, tuple[str, ...]]:
        return dict.fromkeys(models.english_only(self.models()), ("en",))

    def gives(self) -> dict[str, tuple[str, ...]]:
        english = dict.fromkeys(models.english_only(self.models()), ("words", "punctuation"))
        return {"": ("words", "punctuation", "language"), **english}

    def load(self, model: str | None) -> None:
        if model is None:
            raise ModelUnavailable(
                f"no model is here: put one into {self._shelf.folder} or name one to download"
            )
        folder = self._shelf.find(model)
        import ctranslate2  # noqa: PLC0415 - heavy, and only the child needs it
        from faster_whisper import WhisperModel  # noqa: PLC0415

        settings = self._settings
        self.device = place = device.choose(settings.device, ctranslate2.get_cuda_device_count())
        supported = ctranslate2.get_supported_compute_types(place)

        def opened(compute_type: str) -> Any:
            return WhisperModel(
                str(folder),
                device=place,
                compute_type=compute_type,
                cpu_threads=settings.cpu_threads,
            )

        weights = Weights(
            opened, device.types(place, supported, settings.compute_type), BATCH[place]
        )
        try:
            weights.load()
        except (RuntimeError, ValueError) as error:
            raise ModelUnavailable(f"model {model!r} ({folder}) does not load: {error}") from None
        self._weights, self.compute_type = weights, weights.compute_type
        self._sha256 = models.sha256(folder)
        self._name = model

    def unload(self) -> None:
        if self._weights is not None:
            self._weights.release()
        self._weights = None

    def run(self, task: Task) -> Transcript:
        """Listen to every track that is not silent.

        Raises:
            InvalidInput: the loaded model does not take the language or the task.
        """
        from engines.faster_whisper.hearing import Hearing  # noqa: PLC0415 - numpy: the child's
        from engines.faster_whisper.listen import Listener  # noqa: PLC0415

        options = task.parsed(Options)
        assert self._weights is not None, "load comes before run"
        weights = self._weights
        takes = tuple(weights.load().supported_languages)
        check(options, takes, self._name)
        tongue = settled(options.language, _found(task), takes, self._name)
        weights.begin(BATCH[self.device])
        how = request(options, tongue.language, weights.batch)
        hearing = Hearing(Listener(weights), how, tongue.probability)
        for number, (track, path) in enumerate(heard := _audible(task)):
            for seconds in hearing.track(path, track.channel):
                task.hear(hearing.segments[task.told :])
                share = seconds / task.prepared.duration
                task.progress(min(1.0, (number + share) / len(heard)))
        self.compute_type = weights.compute_type
        return self._transcript(task, hearing, tongue, weights.batch)

    def _transcript(self, task: Task, hearing: "Hearing", tongue: Tongue, batch: int) -> Transcript:
        made = task.provenance(
            model=self._name,
            model_sha256=self._sha256,
            parameters={
                **task.options,
                "device": self.device,
                "compute_type": self.compute_type,
                "beam_size": BEAM,
                "batch_size": batch,
                **{library: metadata.version(library) for library in LIBRARIES},
            },
        )
        return Transcript(
            duration=task.prepared.duration,
            segments=shapes.in_order(hearing.segments),
            language=hearing.language if hearing.segments else None,
            language_probability=hearing.probability if hearing.segments else None,
            warnings=(*tongue.warnings, *_warnings(task, hearing, tongue)),
            provenance=(made,),
        )


def _audible(task: Task) -> list[tuple[Track, Path]]:
    """The tracks worth listening to, each with its file."""
    tracks = zip(task.prepared.tracks, task.tracks, strict=True)
    return [(track, path) for track, path in tracks if not track.silent]


def _found(task: Task) -> LanguageFound | None:
    """What the stage language says, where there was one."""
    return task.document("language", LanguageFound) if "language" in task.documents else None


def _warnings(task: Task, hearing: "Hearing", tongue: Tongue) -> list[str]:
    found = []
    if not hearing.segments and _audible(task):
        found.append("no speech was found")
    elif tongue.language is None and _is_guess(hearing.probability):
        found.append(f"the language {hearing.language!r} is a guess ({hearing.probability:.2f})")
    return found


def _is_guess(probability: float | None) -> bool:
    return probability is not None and probability < UNSURE
