"""Stage align: the time of each word and character, by WhisperX's alignment with wav2vec2."""

import os
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.sdk import aligning, memory
from engines.sdk.contract import Engine, InvalidInput, ModelUnavailable, Task
from engines.sdk.places import Place
from engines.whisperx import models
from engines.whisperx.settings import AlignSettings
from streams.settings import read
from streams.transcript import Transcript

if TYPE_CHECKING:
    from engines.whisperx.speech import Speech

BY_LANGUAGE = "by-language"
"""The default: for each transcript the model of its language."""
LIBRARIES = ("whisperx", "torch", "transformers")


class WhisperX(Engine):
    """A wav2vec2 model for each language; none comes with the environment."""

    name = "whisperx"
    stage = "align"
    version = "0.1.0"
    any_model = True
    needs_model = True

    def __init__(self, settings: AlignSettings | None = None) -> None:
        self._settings = settings or read(AlignSettings, os.environ)
        self._shelf = models.Shelf(self._settings.models_folder)
        self._library: Any = None
        self._speech: Speech | None = None
        self._chosen: str | None = None
        self._at: str | None = None
        self._sha256: str | None = None

    def models(self) -> tuple[str, ...]:
        return self._shelf.names()

    def default_model(self) -> str | None:
        return BY_LANGUAGE if self._settings.align_download or self.models() else None

    def languages(self) -> dict[str, tuple[str, ...]]:
        said: dict[str, tuple[str, ...]] = {
            name: (code,) for name in self.models() if (code := models.speaks(name))
        }
        if self._settings.align_download:  # then it takes what is not here, too
            return said
        known = sorted({code for codes in said.values() for code in codes})
        return {**said, BY_LANGUAGE: tuple(known)} if known else said

    def gives(self) -> dict[str, tuple[str, ...]]:
        return {"": ("words", "characters")}

    def load(self, model: str | None) -> None:
        if model is None:
            raise ModelUnavailable(
                f"no model is here: put one, named by its language, into {self._shelf.folder} "
                "(DALSTON_MODELS_DIR), name one to download, or set DALSTON_ALIGN_DOWNLOAD=1"
            )
        from engines.whisperx.library import alignment  # noqa: PLC0415 - heavy: the child's

        self._shelf.find(model)
        self._library = alignment()
        import torch  # noqa: PLC0415

        wanted = self._settings.device
        self.device = "cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu"
        if wanted == "cuda" and self.device == "cpu":
            raise ModelUnavailable("DALSTON_DEVICE=cuda, but torch finds no card: see `nvidia-smi`")
        torch.set_num_threads(self._settings.cpu_threads)
        self._chosen = model
        if model != BY_LANGUAGE:
            self._take(model)

    def unload(self) -> None:
        self._speech = self._at = None
        memory.release()

    def run(self, task: Task) -> Transcript:
        """Look for the words of each segment in the model's language; others keep what they have.

        Raises:
            OutOfMemory: not even a second of audio fits.
        """
        options = task.parsed(aligning.Options)
        spoken = aligning.language(task, options) or self._only_language()
        reason = self._ready(spoken)
        if reason or self._speech is None or spoken is None:
            return aligning.unchanged(task, self._mark(task, None), reason or "no model is loaded")
        speech, characters = self._speech, bool(options.character_timestamps)

        def places(
            pcm: bytes, words: Sequence[str], report: aligning.Report
        ) -> Sequence[Place | None] | None:
            return speech.places(pcm, words, report, language=spoken, characters=characters)

        found = aligning.aligned(
            task,
            places,
            self._mark(task, speech),
            lambda language: (
                None if language == spoken else f"the model is for {spoken!r}, not {language!r}"
            ),
            spoken,
        )
        self.compute_type = speech.rung.compute_type
        return found

    def _only_language(self) -> str | None:
        """That of the model which was named; a transcript that does not say is taken for it."""
        return models.speaks(self._chosen or "") if self._chosen != BY_LANGUAGE else None

    def _ready(self, language: str | None) -> str | None:
        """Have the model for a language loaded; why not, if it cannot be."""
        if language is None:
            return "nobody said which language is spoken; give the option language"
        assert self._chosen is not None
        if self._chosen != BY_LANGUAGE:
            own = models.speaks(self._chosen)
            if own not in {None, language}:
                return f"model {self._chosen!r} is for {own!r}, and the transcript in {language!r}"
            self._take(self._chosen)
            return None
        name = self._shelf.of(language)
        if name is None and not self._settings.align_download:
            known = ", ".join(self.languages().get(BY_LANGUAGE, ())) or "none"
            return f"no alignment model for {language!r} is here; languages that have one: {known}"
        try:
            self._take(name or language)
        except ModelUnavailable as error:
            return str(error)
        return None

    def _take(self, name: str) -> None:
        """Load a model unless it is the one that is loaded.

        Raises:
            ModelUnavailable: it cannot be had, or does not load.
        """
        if self._speech is not None and self._at == name:
            return
        from engines.whisperx.fetch import fetch  # noqa: PLC0415 - numpy, torch: the child's
        from engines.whisperx.speech import Speech  # noqa: PLC0415

        self.unload()
        folder = self._shelf.find(name) or fetch(name, self._shelf, self._library)
        kind = self._settings.compute_type or "float32"
        types = (kind, "float16") if self.device == "cuda" and kind == "float32" else (kind,)
        if self.device == "cpu" and kind == "float16":
            raise InvalidInput("DALSTON_COMPUTE_TYPE=float16 needs a card: on a CPU it is float32")
        self._speech = Speech(self._library, folder, self.device, types)
        self.compute_type = kind
        self._at, self._sha256 = name, models.sha256(Path(folder))

    def _mark(self, task: Task, speech: "Speech | None") -> Any:
        return task.provenance(
            model=self._at if speech else None,
            model_sha256=self._sha256 if speech else None,
            parameters={
                **task.options,
                "device": self.device,
                **({"compute_type": speech.rung.compute_type} if speech else {}),
                **{name: metadata.version(name) for name in LIBRARIES},
            },
        )
