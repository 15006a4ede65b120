"""Stage align: the time of each word of an English transcript, by PocketSphinx, offline."""

import hashlib
import importlib.util
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from engines.sdk import aligning
from engines.sdk.contract import Engine, ModelUnavailable, Task
from streams.transcript import Transcript

if TYPE_CHECKING:
    from engines.pocketsphinx.decoder import Speech

MODEL = "en-us"
LANGUAGE = "en"
NO_CHARACTERS = "pocketsphinx knows no times of characters: the engine whisperx does"


class PocketSphinx(Engine):
    """The acoustic model and the dictionary in the library's wheel, on the CPU."""

    name = "pocketsphinx"
    stage = "align"
    version = "0.1.0"
    needs_model = True

    def __init__(self) -> None:
        self._speech: Speech | None = None
        self._sha256 = ""

    def models(self) -> tuple[str, ...]:
        return (MODEL,) if _folder() else ()

    def languages(self) -> dict[str, tuple[str, ...]]:
        return {MODEL: (LANGUAGE,)}

    def gives(self) -> dict[str, tuple[str, ...]]:
        return {"": ("words",)}

    def load(self, model: str | None) -> None:
        folder = _folder()
        if folder is None:
            raise ModelUnavailable(
                f"the model {MODEL} is not in this environment: it comes in the wheel of "
                "pocketsphinx 5.1.1"
            )
        from engines.pocketsphinx.decoder import Speech  # noqa: PLC0415 - numpy-free, but heavy

        try:
            self._speech = Speech()
        except RuntimeError as error:
            raise ModelUnavailable(f"model {model!r} ({folder}) does not load: {error}") from None
        self._sha256 = _sha256(folder / "en-us" / "sendump")

    def unload(self) -> None:
        self._speech = None

    def run(self, task: Task) -> Transcript:
        """Look for the words of each English segment; others keep what they have."""
        assert self._speech is not None
        options = task.parsed(aligning.Options)
        mark = task.provenance(
            model=MODEL,
            model_sha256=self._sha256,
            parameters={
                **task.options,
                "device": self.device,
                "pocketsphinx": metadata.version("pocketsphinx"),
            },
        )
        spoken = aligning.language(task, options)
        reason = takes(spoken)
        if reason and all((s.language or spoken) != LANGUAGE for s in task.heard.segments):
            return aligning.unchanged(task, mark, reason)
        found = aligning.aligned(task, self._speech.places, mark, takes, spoken)
        if options.character_timestamps:
            return msgspec.structs.replace(found, warnings=(*found.warnings, NO_CHARACTERS))
        return found


def takes(language: str | None) -> str | None:
    """Why a language cannot be aligned; an unknown one is tried, for the audio will tell."""
    if language in {LANGUAGE, None}:
        return None
    return f"pocketsphinx knows only English, not {language!r}"


def _folder() -> Path | None:
    """The model in the wheel, found without importing it, so that a supervisor stays small."""
    spec = importlib.util.find_spec("pocketsphinx")
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model" / "en-us"
    return folder if (folder / "cmudict-en-us.dict").is_file() else None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
