"""Import WhisperX's alignment as it can run here: without the compiled part of torchaudio.

Only `whisperx.alignment` is imported: it needs neither pyannote nor CTranslate2. It takes models
from torchaudio, which are plain Python; the compiled part fits no CPU build of torch.
"""

import importlib
import os
import sys
import types
from typing import Any


def alignment() -> Any:
    """The module `whisperx.alignment`."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import torch  # noqa: PLC0415 - heavy: only the child needs it

    if torch.version.cuda is None and "torchaudio" not in sys.modules:
        sys.modules["torchaudio._extension"] = plain()
    return importlib.import_module("whisperx.alignment")


def plain() -> types.ModuleType:
    """Stands for what loads the compiled part; it says what torchaudio says where there is none."""
    module = types.ModuleType("torchaudio._extension")
    module.__dict__.update(
        _IS_TORCHAUDIO_EXT_AVAILABLE=False,
        _IS_ALIGN_AVAILABLE=False,
        _check_cuda_version=lambda: None,
        fail_if_no_align=lambda function: function,
    )
    return module
