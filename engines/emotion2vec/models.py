"""A model's name → its folder on the shelf."""

import hashlib
import os
import re
from pathlib import Path

from engines.sdk.contract import InvalidInput

WEIGHTS = "model.pt"
CONFIG = "config.yaml"
KIND = re.compile(r"""^model:\s*["']?Emotion2vec["']?\s*(#.*)?$""", re.MULTILINE)


class Shelf:
    """The models that are here; ``folder`` need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """NAME or ORGANISATION/NAME, as the folders are."""
        configs = (*self.folder.glob(f"*/{CONFIG}"), *self.folder.glob(f"*/*/{CONFIG}"))
        names = (path.parent.relative_to(self.folder).as_posix() for path in configs)
        return tuple(sorted(n for n in names if not n.startswith(".") and self.own(n)))

    def own(self, name: str) -> Path | None:
        """The folder of that name if it holds an emotion2vec, else None.

        Raises:
            InvalidInput: the name is a path out of the models folder.
        """
        path = Path(os.path.normpath(self.folder / name))  # links in the folder are its owner's
        if not path.is_relative_to(self.folder):
            raise InvalidInput(
                f"model {name!r} is a path outside of {self.folder} (DALSTON_MODELS_DIR)"
            )
        config = path / CONFIG
        if not (path / WEIGHTS).is_file() or not config.is_file():
            return None
        return path if KIND.search(config.read_text("utf-8", errors="replace")) else None


def sha256(folder: Path) -> str:
    """Of a model's weights."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
