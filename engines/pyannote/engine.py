"""Stage diarize: who speaks when, by a pipeline of pyannote.audio."""

import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from engines.pyannote import turns
from engines.pyannote.models import Shelf
from engines.pyannote.settings import PyannoteSettings
from engines.sdk import memory
from engines.sdk.contract import Engine, InvalidInput, ModelUnavailable, Task
from engines.sdk.ladder import rungs
from streams.settings import read
from streams.transcript import Diarization, Track

if TYPE_CHECKING:
    from engines.pyannote.diarizer import Bounds, Diarizer, Heard

BATCH = {"cpu": 8, "cuda": 32}
LIBRARIES = ("pyannote.audio", "torch")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked."""

    model: str | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None


class Pyannote(Engine):
    """Any SpeakerDiarization pipeline; one comes with the environment."""

    name = "pyannote"
    stage = "diarize"
    version = "0.1.0"
    any_model = True
    needs_model = True
    compute_type = "float32"

    def __init__(self, settings: PyannoteSettings | None = None) -> None:
        self._settings = settings or read(PyannoteSettings, os.environ)
        self._shelf = Shelf(self._settings.models_folder, self._settings.pyannote_model)
        self._diarizer: Diarizer | None = None
        self._name: str | None = None
        self._sha256: str | None = None

    def models(self) -> tuple[str, ...]:
        return self._shelf.names()

    def default_model(self) -> str | None:
        return self._settings.pyannote_model or super().default_model()

    def load(self, model: str | None) -> None:
        if model is None:
            raise ModelUnavailable(
                f"no model is here: put one into {self._shelf.folder} or name one to download"
            )
        from engines.pyannote import library  # noqa: PLC0415 - heavy, and only the child needs it

        library.prepare()
        import torch  # noqa: PLC0415

        from engines.pyannote import loading  # noqa: PLC0415
        from engines.pyannote.diarizer import Diarizer  # noqa: PLC0415

        self.device = _device(self._settings.device, torch)
        torch.set_num_threads(self._settings.cpu_threads)
        pipeline, self._sha256 = loading.load(model, self._shelf)
        pipeline.to(torch.device(self.device))
        self._diarizer = Diarizer(pipeline, rungs(BATCH[self.device]))
        self._name = model

    def unload(self) -> None:
        self._diarizer = None
        memory.release()

    def run(self, task: Task) -> Diarization:
        """Tell apart who speaks on every track that is not silent, each track by itself.

        Raises:
            InvalidInput: the bounds contradict each other.
            OutOfMemory: it does not fit, however little is done at once.
        """
        options = task.parsed(Options)
        _check(options)
        assert self._diarizer is not None, "load comes first"
        audible = _audible(task)
        heard: list[Heard] = []
        for number, (track, path) in enumerate(audible):

            def tell(seconds: float, done: int = number) -> None:
                share = min(seconds / task.prepared.duration, 1.0)
                task.progress((done + share) / len(audible))

            bounds = _bounds(options, len(audible))
            heard.append(self._diarizer.track(path, track.channel, bounds, tell))
        return self._diarization(task, options, heard)

    def _diarization(self, task: Task, options: Options, heard: "Sequence[Heard]") -> Diarization:
        from engines.pyannote.voices import ALIKE  # noqa: PLC0415 - numpy: the child's

        duration = task.prepared.duration
        said = turns.mended((turn for track in heard for turn in track.turns), duration)
        alone = turns.mended((turn for track in heard for turn in track.exclusive), duration)
        called = turns.names(said)
        fewest, most = options.min_speakers, options.max_speakers
        nearest = [track.nearest for track in heard]
        return Diarization(
            duration=duration,
            turns=turns.turns(said, called),
            speakers=turns.speakers(called),
            exclusive=turns.turns(alone, called),
            warnings=tuple(turns.doubts(len(called), fewest, most, nearest, ALIKE)),
            provenance=(
                task.provenance(
                    model=self._name, model_sha256=self._sha256, parameters=self._parameters(task)
                ),
            ),
        )

    def _parameters(self, task: Task) -> dict[str, Any]:
        assert self._diarizer is not None
        return {
            **task.options,
            "device": self.device,
            "batch_size": self._diarizer.batch,
            **{library: metadata.version(library) for library in LIBRARIES},
        }


def _device(wanted: str, torch: Any) -> str:
    """Where to run.

    Raises:
        ModelUnavailable: a card is asked for and none can be used.
    """
    cuda = bool(torch.cuda.is_available())
    if wanted == "cuda" and not cuda:
        raise ModelUnavailable(
            "DALSTON_DEVICE is cuda, but torch sees no card here: install requirements-gpu.lock on "
            "a machine with one, or set it to auto"
        )
    return ("cuda" if cuda else "cpu") if wanted == "auto" else wanted


def _check(options: Options) -> None:
    for name in ("min_speakers", "max_speakers"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise InvalidInput(f"{name} is {value}: at least one person speaks; give 1 or more")
    fewest, most = options.min_speakers, options.max_speakers
    if fewest is not None and most is not None and fewest > most:
        raise InvalidInput(
            f"min_speakers ({fewest}) is more than max_speakers ({most}): swap them, or leave one "
            "out"
        )


def _bounds(options: Options, tracks: int) -> "Bounds":
    """What is known of one track: all of it with one; with more only that others speak, too."""
    from engines.pyannote.diarizer import Bounds  # noqa: PLC0415 - numpy: the child's

    if tracks == 1:
        return Bounds(options.min_speakers, options.max_speakers)
    most = options.max_speakers
    return Bounds(None, None if most is None else max(1, most - tracks + 1))


def _audible(task: Task) -> list[tuple[Track, Path]]:
    """The tracks worth listening to, each with its file."""
    tracks = zip(task.prepared.tracks, task.tracks, strict=True)
    return [(track, path) for track, path in tracks if not track.silent]
