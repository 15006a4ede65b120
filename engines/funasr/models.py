"""A model's name → its folder: one that is here, or one from the hub."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from engines.sdk.contract import InvalidInput, ModelUnavailable

WEIGHTS = "model.pt"
CONFIG = "config.yaml"
CLASS = re.compile(r"""^model:\s*["']?(\w+)""", re.MULTILINE)
PARAFORMER = ("Paraformer", "BiCifParaformer", "SeacoParaformer", "ContextualParaformer")
SENSEVOICE = "SenseVoiceSmall"
VAD = "FsmnVADStreaming"
TAKE_HOTWORDS = ("SeacoParaformer", "ContextualParaformer")
SENSEVOICE_LANGUAGES = ("zh", "yue", "en", "ja", "ko")
HAN = re.compile(r"[\u3400-\u9fff]")


class Model(NamedTuple):
    """A model's folder, and the class of FunASR's that its configuration names."""

    name: str
    folder: Path
    kind: str

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes (yue: Cantonese, which has none): by its class, or by its tokens."""
        return SENSEVOICE_LANGUAGES if self.kind == SENSEVOICE else languages_of(_tokens(self))

    @property
    def gives(self) -> tuple[str, ...]:
        """What its transcripts always hold besides text; SenseVoice's mostly words, too."""
        if self.kind == SENSEVOICE:
            return ("language", "emotion", "punctuation")
        return ("words",)


class Shelf:
    """The models that are here; ``folder`` need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def models(self) -> dict[str, Model]:
        """Those that transcribe, by name: NAME or ORGANISATION/NAME, as the folders are."""
        return {
            name: model
            for name, model in self._all().items()
            if model.kind in PARAFORMER or model.kind == SENSEVOICE
        }

    def vad(self) -> Model | None:
        """One that finds speech, if there is any."""
        return next((model for model in self._all().values() if model.kind == VAD), None)

    def own(self, name: str) -> Model | None:
        """The model in that folder of the shelf, None if there is no such.

        Raises:
            InvalidInput: the name is a path out of the models folder.
            ModelUnavailable: the folder holds a model of a kind that is not for this engine.
        """
        path = Path(os.path.normpath(self.folder / name))  # links in the folder are its owner's
        if not path.is_relative_to(self.folder):
            raise InvalidInput(
                f"model {name!r} is a path outside of {self.folder} (DALSTON_MODELS_DIR)"
            )
        kind = _kind(path)
        if kind is None:
            return None
        if kind not in PARAFORMER and kind != SENSEVOICE:
            raise ModelUnavailable(
                f"model {name!r} is a {kind}; this engine runs "
                + ", ".join((SENSEVOICE, *PARAFORMER))
            )
        return Model(name, path, kind)

    def _all(self) -> dict[str, Model]:
        found = {}
        for path in sorted((*self.folder.glob(f"*/{CONFIG}"), *self.folder.glob(f"*/*/{CONFIG}"))):
            kind = _kind(path.parent)
            name = path.parent.relative_to(self.folder).as_posix()
            if kind is not None and not name.startswith("."):
                found[name] = Model(name, path.parent, kind)
        return found


def languages_of(tokens: str) -> tuple[str, ...]:
    """What a Paraformer's list of tokens can spell; () when that cannot be told."""
    if HAN.search(tokens):
        return ("zh", "en")
    return ("en",) if re.search("[a-z]", tokens) else ()


def sha256(folder: Path) -> str:
    """Of a model's weights."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _kind(folder: Path) -> str | None:
    """The class that a folder's model is of; None if it holds no model."""
    if not (folder / WEIGHTS).is_file() or not (folder / CONFIG).is_file():
        return None
    found = CLASS.search((folder / CONFIG).read_text(encoding="utf-8", errors="replace"))
    return found.group(1) if found else None


def _tokens(model: Model) -> str:
    for name in ("tokens.json", "tokens.txt"):
        path = model.folder / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            return " ".join(json.loads(text)) if name.endswith(".json") else text
    return ""
