"""What an operator can set for this engine, beside what every engine has."""

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta


class LanguageSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where models are kept, the same folder as the transcriber's, and how many cores they take."""

    home: Annotated[str, Meta(description="folder of a local stack's state")] = ".dalston"
    models_dir: Annotated[
        str, Meta(description="folder of models, one a folder; empty: models/ in the home")
    ] = ""
    threads: Annotated[int, Meta(description="CPU threads; 0: all cores", ge=0)] = 0

    @property
    def models_folder(self) -> Path:
        """Where models are kept; the bundled one is put together there."""
        return Path(self.models_dir or Path(self.home) / "models").expanduser().absolute()

    @property
    def cpu_threads(self) -> int:
        """How many threads a model may use: no more than this process may run on."""
        return self.threads or len(os.sched_getaffinity(0))
