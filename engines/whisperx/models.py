"""Alignment models on the shelf: a name → its folder and its language. Cheap: no library."""

import hashlib
import json
import os
import re
from pathlib import Path

from engines.sdk.contract import InvalidInput

KIND = "Wav2Vec2ForCTC"
WEIGHTS = ("*.safetensors", "pytorch_model*.bin", "wav2vec2_*.pt", "wav2vec2_*.pth")
NAMED = re.compile(r"([a-z]{2})(?:-.+)?")
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class Shelf:
    """The models in a folder, which need not exist: NAME/ or, as a hub has them, OWNER/NAME/."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Those that are here, by name."""
        found = {path.parent for depth in ("*/*", "*/*/*") for path in self.folder.glob(depth)}
        return tuple(sorted(str(one.relative_to(self.folder)) for one in found if is_model(one)))

    def find(self, name: str) -> Path | None:
        """The folder of a model; None if it is not here.

        Raises:
            InvalidInput: the name is a path out of the models folder.
        """
        path = Path(os.path.normpath(self.folder / name))  # links in the folder are its owner's
        if not path.is_relative_to(self.folder):
            raise InvalidInput(
                f"model {name!r} is a path outside of {self.folder} (DALSTON_MODELS_DIR)"
            )
        return path if is_model(path) else None

    def of(self, language: str | None) -> str | None:
        """The first model of a language that is here."""
        return next((name for name in self.names() if speaks(name) == language), None)


def speaks(name: str) -> str | None:
    """The language that a model is named for: "de" and "de-large" for German; None: not said."""
    match = NAMED.fullmatch(name)
    return match[1] if match else None


def is_model(folder: Path) -> bool:
    """Whether a folder holds an alignment model, and not another engine's."""
    if weights(folder) is None:
        return False
    try:
        config = json.loads((folder / "config.json").read_text())
    except FileNotFoundError:
        return any(folder.glob("wav2vec2_*.pt*"))  # torchaudio's have none
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and KIND in (config.get("architectures") or ())


def weights(folder: Path) -> Path | None:
    """The file with the weights, the first if they are in several."""
    return next((path for kind in WEIGHTS for path in sorted(folder.glob(kind))), None)


def sha256(folder: Path) -> str | None:
    """Of the weights."""
    path = weights(folder)
    if path is None:
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
