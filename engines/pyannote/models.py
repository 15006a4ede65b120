"""A pipeline's name → where it is: in the environment, in the models folder, or on the hub."""

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from engines.pyannote import bundled
from engines.sdk.contract import InvalidInput, ModelUnavailable

CONFIG = "config.yaml"
WEIGHTS = (".bin", ".npz", ".safetensors", ".ckpt", ".yaml")
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
HUB_TIMEOUT_S = 5.0
KNOWN = "pyannote/speaker-diarization-community-1"
TRUSTED = "pyannote/"
"""Whose pipelines anybody may name: loading one runs what its files say (classes, pickles)."""


class Shelf:
    """The pipelines that can be had here; ``folder`` need not exist."""

    def __init__(self, folder: Path, trusted: str = "") -> None:
        self.folder = folder
        self.trusted = trusted

    def names(self) -> tuple[str, ...]:
        """Those that need no download, the bundled one first."""
        own = sorted(path.parent.name for path in self.folder.glob(f"*/{CONFIG}"))
        hubs = sorted(map(_hub_name, self.folder.glob(f"models--*/snapshots/*/{CONFIG}")))
        here = (bundled.NAME,) if bundled.folder() else ()
        return tuple(dict.fromkeys((*here, *own, *hubs)))

    def own(self, name: str) -> Path | None:
        """The folder of somebody's own pipeline.

        Raises:
            InvalidInput: the name is a path out of the models folder.
        """
        path = Path(os.path.normpath(self.folder / name))  # links in the folder are its owner's
        if not path.is_relative_to(self.folder):
            raise InvalidInput(
                f"model {name!r} is a path outside of {self.folder} (DALSTON_MODELS_DIR)"
            )
        return path if (path / CONFIG).is_file() else None

    def downloaded(self, name: str) -> Path | None:
        """What an earlier download left of a hub's pipeline; the newest."""
        cache = self.folder / f"models--{name.replace('/', '--')}"
        found = sorted(cache.glob(f"snapshots/*/{CONFIG}"), key=lambda path: path.stat().st_mtime)
        return found[-1].parent if found else None

    def reach(self, name: str) -> None:
        """Ask the hub for a sign of life first: its client alone would retry for minutes.

        Raises:
            ModelUnavailable: it is no name of the hub's, or the hub is out of reach.
        """
        if not HUB_NAME.fullmatch(name):
            raise ModelUnavailable(
                f"unknown model {name!r}; here: {self._here()}; from the hub: ORGANISATION/NAME, "
                f"such as {KNOWN}"
            )
        if not name.startswith(TRUSTED) and name != self.trusted:
            raise ModelUnavailable(
                f"model {name!r} is not fetched: a pipeline's files are code, so by name only "
                f"those of {TRUSTED} are, and the one in DALSTON_PYANNOTE_MODEL; put others into "
                f"{self.folder} (DALSTON_MODELS_DIR)"
            )
        from huggingface_hub import constants, get_session  # noqa: PLC0415

        if constants.HF_HUB_OFFLINE:
            raise self.unavailable(name, "HF_HUB_OFFLINE forbids to download it")
        try:
            get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - its HTTP library differs by version
            reason = f"the hub {constants.ENDPOINT} cannot be reached ({line(error)})"
            raise self.unavailable(name, reason) from None

    def unavailable(self, name: str, reason: str) -> ModelUnavailable:
        """That it is not here, why, and every way to have it."""
        return ModelUnavailable(
            f"model {name!r} is not here and {reason}. Here: {self._here()}. To have it, put its "
            f"folder (with {CONFIG}) into {self.folder} (DALSTON_MODELS_DIR), or let this engine "
            "reach the hub once; for a gated one, accept its conditions there and set HF_TOKEN"
        )

    def _here(self) -> str:
        return ", ".join(self.names()) or "none"


def files(folder: Path) -> list[Path]:
    """All that makes a pipeline's folder what it is."""
    return sorted(path for path in folder.rglob("*") if path.suffix in WEIGHTS)


def sha256(paths: Iterable[Path]) -> str:
    """One number for several files, in this order."""
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def line(error: BaseException) -> str:
    """The first line of what an error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _hub_name(config: Path) -> str:
    return config.parents[2].name.removeprefix("models--").replace("--", "/")
