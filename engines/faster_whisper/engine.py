"""Stage transcribe: Whisper through faster-whisper, in batches, with the times of each word."""

import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from engines.faster_whisper import models, shapes
from engines.faster_whisper.request import BEAM, Request
from engines.faster_whisper.settings import WhisperSettings
from engines.sdk.contract import Engine, InvalidInput, ModelUnavailable, Task
from streams.settings import read
from streams.transcript import Track, Transcript

if TYPE_CHECKING:
    from engines.faster_whisper.hearing import Hearing

UNSURE = 0.5
BATCH = {"cpu": 4, "cuda": 16}
"""Measured on two cores: 4 clips at once take half the time of one by one, more gain nothing."""
LIBRARIES = ("faster-whisper", "ctranslate2")
COMPUTE = {"cpu": "int8", "cuda": "float16"}


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked."""

    model: str | None = None
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    word_timestamps: bool = True
    vad: bool = True
    hotwords: str | None = None
    initial_prompt: str | None = None


class FasterWhisper(Engine):
    """Any Whisper model in CTranslate2's format; tiny.en comes with the environment."""

    name = "faster_whisper"
    stage = "transcribe"
    version = "0.1.0"
    any_model = True

    def __init__(self, settings: WhisperSettings | None = None) -> None:
        self._settings = settings or read(WhisperSettings, os.environ)
        self._shelf = models.Shelf(self._settings.models_folder)
        self._model: Any = None
        self._name = self._sha256 = ""

    def models(self) -> tuple[str, ...]:
        return self._shelf.names()

    def default_model(self) -> str | None:
        return self._settings.whisper_model or super().default_model()

    def languages(self) -> dict[str, tuple[str, ...]]:
        return {name: ("en",) for name in self.models() if models.is_english_only(name)}

    def load(self, model: str | None) -> None:
        if model is None:
            raise ModelUnavailable(
                f"no model is here: put one into {self._shelf.folder} or name one to download"
            )
        folder = self._shelf.find(model)
        import ctranslate2  # noqa: PLC0415 - heavy, and only the child needs it
        from faster_whisper import WhisperModel  # noqa: PLC0415

        cuda = ctranslate2.get_cuda_device_count() > 0
        wanted = self._settings.device
        self.device = ("cuda" if cuda else "cpu") if wanted == "auto" else wanted
        try:
            self._model = WhisperModel(
                str(folder),
                device=self.device,
                compute_type=self._compute_type,
                cpu_threads=self._settings.cpu_threads,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelUnavailable(f"model {model!r} ({folder}) does not load: {error}") from None
        self._sha256 = models.sha256(folder)
        self._name = model

    def unload(self) -> None:
        self._model = None

    def run(self, task: Task) -> Transcript:
        """Listen to every track that is not silent.

        Raises:
            InvalidInput: the loaded model does not take the language or the task.
        """
        from engines.faster_whisper.hearing import Hearing  # noqa: PLC0415 - numpy: the child's
        from engines.faster_whisper.listen import Listener  # noqa: PLC0415

        options = task.parsed(Options)
        self._check(options)
        hearing = Hearing(Listener(self._model), self._request(options))
        for number, (track, path) in enumerate(heard := _audible(task)):
            for seconds in hearing.track(path, track.channel):
                share = seconds / task.prepared.duration
                task.progress(min(1.0, (number + share) / len(heard)))
        return self._transcript(task, hearing)

    @property
    def _compute_type(self) -> str:
        return self._settings.compute_type or COMPUTE[self.device]

    def _check(self, options: Options) -> None:
        takes = self._model.supported_languages
        if options.language is not None and options.language not in takes:
            raise InvalidInput(
                f"model {self._name!r} does not take language {options.language!r}; it takes: "
                + ", ".join(sorted(takes))
            )
        if options.task == "translate" and not self._model.model.is_multilingual:
            raise InvalidInput(
                f"model {self._name!r} knows only English and cannot translate; "
                "use a multilingual one, such as small"
            )

    def _request(self, options: Options) -> Request:
        known = None if self._model.model.is_multilingual else "en"
        return Request(
            language=options.language or known,
            task=options.task,
            vad=options.vad,
            hotwords=options.hotwords,
            initial_prompt=shapes.finished(options.initial_prompt),
            keep_words=options.word_timestamps,
            batch=BATCH[self.device],
        )

    def _transcript(self, task: Task, hearing: "Hearing") -> Transcript:
        made = task.provenance(
            model=self._name,
            model_sha256=self._sha256,
            parameters={
                **task.options,
                "device": self.device,
                "compute_type": self._compute_type,
                "beam_size": BEAM,
                "batch_size": BATCH[self.device],
                **{
                    library: metadata.version(library)
                    for library in ("faster-whisper", "ctranslate2")
                },
            },
        )
        return Transcript(
            duration=task.prepared.duration,
            segments=shapes.in_order(hearing.segments),
            language=hearing.language if hearing.segments else None,
            language_probability=hearing.probability if hearing.segments else None,
            warnings=tuple(_warnings(task, hearing)),
            provenance=(made,),
        )


def _audible(task: Task) -> list[tuple[Track, Path]]:
    """The tracks worth listening to, each with its file."""
    tracks = zip(task.prepared.tracks, task.tracks, strict=True)
    return [(track, path) for track, path in tracks if not track.silent]


def _warnings(task: Task, hearing: "Hearing") -> list[str]:
    found = []
    if not hearing.segments and _audible(task):
        found.append("no speech was found")
    elif hearing.probability is not None and hearing.probability < UNSURE:
        found.append(f"the language {hearing.language!r} is a guess ({hearing.probability:.2f})")
    return found
