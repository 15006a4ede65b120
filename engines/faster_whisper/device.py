"""Where a model runs and in which numbers: CUDA where it works, in types that get smaller."""

import ctypes
import importlib.util
from collections.abc import Collection
from pathlib import Path

from engines.sdk.contract import ModelUnavailable

CUBLAS = ("libcublasLt.so.12", "libcublas.so.12")
"""What CTranslate2 looks for on a card, by name; the first is needed by the second."""
WHEEL = "nvidia.cublas"
BY_SIZE = (
    "float32", "bfloat16", "float16", "int8_float32", "int8_bfloat16", "int8_float16", "int8",
)  # fmt: skip
USUAL = {
    "cuda": ("float16", "int8_float16", "int8"),
    "cpu": ("int8",),
}
OLD_CARD = ("float32", "int8_float32", "int8")
"""For cards that are no quicker in half precision; CTranslate2 does not offer it there."""


def choose(wanted: str, cards: int) -> str:
    """`cpu` or `cuda`, as it was wanted or, for `auto`, as it works here.

    Raises:
        ModelUnavailable: CUDA was wanted and there is no card, or no cuBLAS.
    """
    if wanted == "cpu" or (wanted == "auto" and not cards):
        return "cpu"
    if not cards:
        raise ModelUnavailable(
            "DALSTON_DEVICE is cuda, but no card is to be seen: check nvidia-smi and "
            "CUDA_VISIBLE_DEVICES, in a container --gpus, or set DALSTON_DEVICE=cpu"
        )
    if missing := preload():
        if wanted == "auto":
            return "cpu"
        raise ModelUnavailable(
            f"DALSTON_DEVICE is cuda, but cuBLAS 12 is missing ({missing}): install "
            "engines/faster_whisper/requirements-gpu.lock, or set DALSTON_DEVICE=cpu"
        )
    return "cuda"


def preload() -> str:
    """Load cuBLAS from its wheel, so that CTranslate2 finds it without LD_LIBRARY_PATH.

    Gives what is missing, empty when all is there. Without a wheel the system's own are taken.
    """
    for name in CUBLAS:
        try:
            ctypes.CDLL(_in_wheel(name) or name, mode=ctypes.RTLD_GLOBAL)
        except OSError as error:
            return str(error)
    return ""


def types(device: str, supported: Collection[str], wanted: str = "") -> tuple[str, ...]:
    """Compute types to try, each smaller than the one before.

    Args:
        supported: what CTranslate2 says of the device.
        wanted: the operator's own choice, tried first whatever is supported; empty: the usual one.
    """
    if wanted:
        after = BY_SIZE[BY_SIZE.index(wanted) + 1 :] if wanted in BY_SIZE else ()
        usual = (*OLD_CARD, *USUAL[device])
        return (wanted, *(name for name in after if name in usual and name in supported))
    usual = OLD_CARD if device == "cuda" and "float16" not in supported else USUAL[device]
    return tuple(name for name in usual if name in supported) or ("float32",)


def _in_wheel(name: str) -> str | None:
    """The path of a library in NVIDIA's wheel, which is a package without code."""
    try:
        spec = importlib.util.find_spec(WHEEL)
    except ModuleNotFoundError:
        return None
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    paths = (Path(folder) / "lib" / name for folder in folders)
    return next((str(path) for path in paths if path.is_file()), None)
