"""Import pyannote.audio as it can run here: without telemetry, torchcodec and compiled torchaudio.

Audio comes as arrays, so nothing is missed: torchaudio is used for what it does in plain Python.
"""

import importlib.util
import os
import sys
import types
import warnings
from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def prepare() -> None:
    """Call once, before the first import of pyannote.audio."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "false"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    warnings.filterwarnings("ignore", module=r"(pyannote|torch|torchaudio|lightning)\.")
    warnings.filterwarnings("ignore", message=r"\s*torchcodec is not installed")
    if importlib.util.find_spec("torchaudio") and "torchaudio" not in sys.modules:
        sys.modules["torchaudio._extension"] = plain()


def plain() -> types.ModuleType:
    """Stands for what loads torchaudio's compiled part, which no CPU build of torch fits.

    It says what torchaudio itself says where that part was never built.
    """
    module = types.ModuleType("torchaudio._extension")
    module.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=_unchanged,
    )
    return module


def _unchanged(function: F) -> F:
    return function
