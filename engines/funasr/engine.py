"""Stage transcribe: Paraformer and SenseVoice through FunASR, in batches of clips."""

import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.funasr import hub, loading, models
from engines.funasr.models import Model
from engines.funasr.request import Options, check, settled
from engines.funasr.settings import FunASRSettings
from engines.sdk import memory
from engines.sdk.contract import Engine, ModelUnavailable, Task
from streams.settings import read
from streams.transcript import LanguageFound, Segment, Track, Transcript

if TYPE_CHECKING:
    from engines.funasr.listen import Listener

LIBRARIES = ("funasr", "torch")


class FunASR(Engine):
    """Any Paraformer or SenseVoice in FunASR's format; the environment brings none along."""

    name = "funasr"
    stage = "transcribe"
    version = "0.1.0"
    needs_model = True
    any_model = True

    def __init__(self, settings: FunASRSettings | None = None) -> None:
        self._settings = settings or read(FunASRSettings, os.environ)
        self._shelf = models.Shelf(self._settings.models_folder)
        self._model: Model | None = None
        self._listener: Listener | None = None
        self._sha256 = ""

    def models(self) -> tuple[str, ...]:
        return tuple(self._shelf.models())

    def default_model(self) -> str | None:
        return self._settings.funasr_model or super().default_model()

    def languages(self) -> dict[str, tuple[str, ...]]:
        known = {name: model.languages for name, model in self._shelf.models().items()}
        return {name: languages for name, languages in known.items() if languages}

    def gives(self) -> dict[str, tuple[str, ...]]:
        return {name: model.gives for name, model in self._shelf.models().items()}

    def load(self, model: str | None) -> None:
        from engines.funasr.listen import Listener  # noqa: PLC0415 - numpy: the child's

        if model is None:
            raise ModelUnavailable(
                f"no model is here: put a folder of FunASR's (config.yaml, model.pt and the files "
                f"beside them) into {self._shelf.folder} (DALSTON_MODELS_DIR), or name one to "
                "download, such as SenseVoiceSmall or paraformer-zh"
            )
        found = self._shelf.own(model) or self._from_hub(model)
        self.device = self._where()
        types = compute_types(found, self.device, self._settings.compute_type)
        self.compute_type = types[0]
        vad = self._shelf.vad()
        self._listener = Listener(
            self._library(found), vad and self._library(vad), self.device, types
        )
        self._sha256 = models.sha256(found.folder)
        self._model = found._replace(name=model)

    def unload(self) -> None:
        self._model = self._listener = None
        memory.release()

    def run(self, task: Task) -> Transcript:
        """Listen to every track that is not silent.

        Raises:
            InvalidInput: the loaded model cannot do what an option asks.
        """
        assert self._model is not None
        assert self._listener is not None
        from engines.funasr.hearing import Hearing  # noqa: PLC0415 - numpy: the child's

        options = task.parsed(Options)
        check(self._model, options)
        language, warnings = settled(self._model, options.language, _detected(task))
        hearing = Hearing(self._listener, self._model, options, language)
        for number, (track, path) in enumerate(heard := _audible(task)):
            for seconds in hearing.track(path, track.channel):
                task.hear(hearing.segments[task.told :])
                share = seconds / task.prepared.duration
                task.progress(min(1.0, (number + share) / len(heard)))
        self.compute_type = self._listener.compute_type
        warnings += hearing.warnings() if heard else []
        segments = tuple(sorted(hearing.segments, key=lambda s: (s.start, s.end, s.channel or 0)))
        return Transcript(
            duration=task.prepared.duration,
            segments=segments,
            language=most_spoken(segments),
            warnings=tuple(warnings),
            provenance=(self._made(task),),
        )

    def _from_hub(self, name: str) -> Model:
        here = ", ".join(self.models()) or "none"
        full = hub.download(name, self._settings.funasr_hub, self._shelf.folder, here)
        found = self._shelf.own(full)
        if found is None:
            raise ModelUnavailable(f"{full} has no config.yaml and model.pt, as FunASR's have")
        return found

    def _library(self, model: Model) -> Any:
        return loading.loaded(model.folder, self.device, self._settings.cpu_threads)

    def _where(self) -> str:
        import torch  # noqa: PLC0415 - heavy, and only the child needs it

        wanted = self._settings.device
        if wanted == "cuda" and not torch.cuda.is_available():
            raise ModelUnavailable("DALSTON_DEVICE is cuda, but torch finds no card: set it to cpu")
        return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted

    def _made(self, task: Task) -> Any:
        assert self._model is not None
        return task.provenance(
            model=self._model.name,
            model_sha256=self._sha256,
            parameters={
                **task.options,
                "device": self.device,
                "compute_type": self.compute_type or "float32",
                "architecture": self._model.kind,
                **{library: metadata.version(library) for library in LIBRARIES},
            },
        )


def compute_types(model: Model, device: str, wanted: str) -> tuple[str, ...]:
    """What to compute in, then what to try when that does not fit; Paraformer has only float32."""
    if model.kind != models.SENSEVOICE:
        return ("float32",)
    if not wanted and device == "cuda":
        return ("float32", "float16")
    return (wanted or "float32",)


def most_spoken(segments: tuple[Segment, ...]) -> str | None:
    """The language of most of the time; None where no segment has one."""
    seconds: dict[str, float] = {}
    for segment in segments:
        if segment.language:
            length = segment.end - segment.start
            seconds[segment.language] = seconds.get(segment.language, 0.0) + length
    return max(seconds, key=lambda language: seconds[language], default=None)


def _detected(task: Task) -> str | None:
    return (
        task.document("language", LanguageFound).language if "language" in task.documents else None
    )


def _audible(task: Task) -> list[tuple[Track, Path]]:
    """The tracks worth listening to, each with its file."""
    tracks = zip(task.prepared.tracks, task.tracks, strict=True)
    return [(track, path) for track, path in tracks if not track.silent]
