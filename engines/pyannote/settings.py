"""What an operator can set for this engine, beside what every engine has."""

import os
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class PyannoteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where pipelines are kept and what they run on."""

    home: Annotated[str, Meta(description="folder of a local stack's state")] = ".dalston"
    models_dir: Annotated[
        str, Meta(description="folder of models, one a folder; empty: models/ in the home")
    ] = ""
    pyannote_model: Annotated[
        str, Meta(description="pipeline when a request names none; empty: the first that is here")
    ] = ""
    threads: Annotated[int, Meta(description="CPU threads; 0: all cores", ge=0)] = 0
    device: Annotated[
        Literal["auto", "cpu", "cuda"], Meta(description="where models run; auto: CUDA if there")
    ] = "auto"

    @property
    def models_folder(self) -> Path:
        """Where pipelines are kept, and downloaded to."""
        return Path(self.models_dir or Path(self.home) / "models").expanduser().absolute()

    @property
    def cpu_threads(self) -> int:
        """How many threads a model may use: no more than this process may run on."""
        return self.threads or len(os.sched_getaffinity(0))
