"""Stage emotion: how each segment of the transcript sounds, by emotion2vec."""

import os
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engines.emotion2vec import hub, loading, models, spans
from engines.emotion2vec.settings import Emotion2vecSettings
from engines.emotion2vec.spans import Window
from engines.sdk import memory
from engines.sdk.contract import Engine, ModelUnavailable, Task
from streams.settings import read
from streams.transcript import Emotions, EmotionSpan, Provenance, Segment, Track

if TYPE_CHECKING:
    from engines.emotion2vec.judge import Judge

LIBRARIES = ("funasr", "torch")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked."""

    model: str | None = None


class Emotion2vec(Engine):
    """Any emotion2vec with labels, in FunASR's format; no package brings one along."""

    name = "emotion2vec"
    stage = "emotion"
    version = "0.1.0"
    needs_model = True
    any_model = True

    def __init__(self, settings: Emotion2vecSettings | None = None) -> None:
        self._settings = settings or read(Emotion2vecSettings, os.environ)
        self._shelf = models.Shelf(self._settings.models_folder)
        self._judge: Judge | None = None
        self._name = self._sha256 = ""

    def models(self) -> tuple[str, ...]:
        return self._shelf.names()

    def default_model(self) -> str | None:
        return self._settings.emotion_model or super().default_model()

    def load(self, model: str | None) -> None:
        if model is None:
            raise ModelUnavailable(
                "no emotion2vec is here, and no package ships one: put the folder of "
                "iic/emotion2vec_plus_base (config.yaml, model.pt, tokens.txt) into "
                f"{self._shelf.folder} (DALSTON_MODELS_DIR), or name it as the model to download it"
            )
        folder = self._shelf.own(model) or self._from_hub(model)
        from engines.emotion2vec.judge import Judge  # noqa: PLC0415 - numpy: the child's

        self.device = self._where()
        self.compute_type = self._settings.compute_type or "float32"
        library = loading.loaded(folder, self.device, self._settings.cpu_threads)
        self._judge = Judge(library, self.device, self.compute_type)
        self._sha256 = models.sha256(folder)
        self._name = model

    def unload(self) -> None:
        self._judge = None
        memory.release()

    def run(self, task: Task) -> Emotions:
        """Judge every segment that is long enough, each on the track of its channel."""
        from engines.emotion2vec.judge import seconds  # noqa: PLC0415 - numpy: the child's

        assert self._judge is not None
        task.parsed(Options)
        heard = task.heard
        windows: dict[Path, list[Window]] = {}
        for number, segment in enumerate(heard.segments):
            track = track_of(segment, task.prepared.tracks, task.tracks)
            if track is not None:
                parts = spans.cut(number, segment.start, segment.end, seconds(track))
                windows.setdefault(track, []).extend(parts)
        judged: dict[int, list[tuple[float, dict[str, float]]]] = {}
        done, total = 0, sum(map(len, windows.values()))
        for track, parts in windows.items():
            for window, scores in self._judge.scores(track, parts):
                judged.setdefault(window.segment, []).append((window.end - window.start, scores))
                done += 1
                task.progress(done / total)
        self.compute_type = self._judge.compute_type
        return Emotions(
            duration=task.prepared.duration,
            spans=tuple(
                EmotionSpan(part.start, part.end, spans.averaged(judged[number]), part.channel)
                for number, part in enumerate(heard.segments)
                if number in judged
            ),
            warnings=_warnings(len(heard.segments), len(judged)),
            provenance=(self._made(task),),
        )

    def _from_hub(self, name: str) -> Path:
        here = ", ".join(self.models()) or "none"
        full = hub.download(name, self._settings.funasr_hub, self._shelf.folder, here)
        found = self._shelf.own(full)
        if found is None:
            raise ModelUnavailable(
                f"{full} is no emotion2vec: its config.yaml does not say `model: Emotion2vec`"
            )
        return found

    def _where(self) -> str:
        import torch  # noqa: PLC0415 - heavy, and only the child needs it

        wanted = self._settings.device
        if wanted == "cuda" and not torch.cuda.is_available():
            raise ModelUnavailable("DALSTON_DEVICE is cuda, but torch finds no card: set it to cpu")
        return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted

    def _made(self, task: Task) -> Provenance:
        return task.provenance(
            model=self._name,
            model_sha256=self._sha256,
            parameters={
                **task.options,
                "device": self.device,
                "compute_type": self.compute_type or "float32",
                **{library: metadata.version(library) for library in LIBRARIES},
            },
        )


def track_of(segment: Segment, tracks: tuple[Track, ...], files: tuple[Path, ...]) -> Path | None:
    """The track that a segment is heard on: its channel's, or the only one; None for none."""
    audible = {
        track.channel: path for track, path in zip(tracks, files, strict=True) if not track.silent
    }
    if segment.channel in audible:
        return audible[segment.channel]
    return next(iter(audible.values())) if len(tracks) == 1 and audible else None


def _warnings(segments: int, judged: int) -> tuple[str, ...]:
    if segments and not judged:
        return (f"no segment could be judged: none has {spans.SHORTEST_S} s on an audible track",)
    return ()
