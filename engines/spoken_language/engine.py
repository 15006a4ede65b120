"""Stage language: which one is spoken, before anything is written down."""

import os
from importlib import metadata
from typing import Any

import msgspec

from engines.sdk.contract import Engine, InvalidInput, ModelUnavailable, Task
from engines.spoken_language import models, votes
from engines.spoken_language.settings import LanguageSettings
from streams.settings import read
from streams.transcript import LanguageFound

VOTES = 6
"""Stretches of speech that are asked, in each track; more change little."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked."""

    model: str | None = None


class SpokenLanguage(Engine):
    """Whisper base, multilingual; on the CPU: six half minutes take seconds, however long it is."""

    name = "spoken_language"
    stage = "language"
    version = "0.1.0"
    needs_model = True
    compute_type = "int8"

    def __init__(self, settings: LanguageSettings | None = None) -> None:
        self._settings = settings or read(LanguageSettings, os.environ)
        self._model: Any = None
        self._name = self._sha256 = ""

    def models(self) -> tuple[str, ...]:
        return models.names(self._settings.models_folder)

    def load(self, model: str | None) -> None:
        if model is None:
            raise ModelUnavailable(
                "no model is here: put a multilingual Whisper model into "
                f"{self._settings.models_folder} (DALSTON_MODELS_DIR)"
            )
        folder = models.find(model, self._settings.models_folder)
        from faster_whisper import WhisperModel  # noqa: PLC0415 - heavy: only the child needs it

        try:
            self._model = WhisperModel(
                str(folder),
                device=self.device,
                compute_type=self.compute_type,
                cpu_threads=self._settings.cpu_threads,
            )
        except (RuntimeError, ValueError) as error:
            raise ModelUnavailable(f"model {model!r} ({folder}) does not load: {error}") from None
        if not self._model.model.is_multilingual:
            self.unload()
            raise InvalidInput(f"model {model!r} knows only English: name a multilingual one")
        self._name, self._sha256 = model, models.sha256(folder)

    def unload(self) -> None:
        if self._model is not None:
            self._model.model.unload_model()
        self._model = None

    def run(self, task: Task) -> LanguageFound:
        """Ask several stretches of every track that is not silent."""
        from engines.spoken_language.listen import speech, stretches, vote  # noqa: PLC0415 - numpy

        task.parsed(Options)
        tracks = zip(task.prepared.tracks, task.tracks, strict=True)
        audible = [path for track, path in tracks if not track.silent]
        cast: list[votes.Vote] = []
        for number, path in enumerate(audible):
            here = 0
            for samples in stretches(path):
                one = vote(self._model, speech(samples))
                if one is not None:
                    cast.append(one)
                    here += 1
                task.progress((number + here / VOTES) / len(audible))
                if here == VOTES:
                    break
        return self._found(task, cast, heard=bool(audible))

    def _found(self, task: Task, cast: list[votes.Vote], *, heard: bool) -> LanguageFound:
        scores = votes.averaged(cast)
        language = next(iter(scores), None)
        silent = ["no speech was found"] if heard and not cast else []
        libraries = ("faster-whisper", "ctranslate2")
        made = task.provenance(
            model=self._name,
            model_sha256=self._sha256,
            parameters={
                **task.options,
                "device": self.device,
                "compute_type": self.compute_type,
                "votes": len(cast),
                **{library: metadata.version(library) for library in libraries},
            },
        )
        return LanguageFound(
            duration=task.prepared.duration,
            language=language,
            probability=scores[language] if language else None,
            scores=scores,
            warnings=tuple(votes.doubts(cast, scores) if cast else silent),
            provenance=(made,),
        )
