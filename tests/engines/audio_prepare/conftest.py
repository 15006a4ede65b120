"""`prepare` runs the engine here: the tests have PyAV and numpy too, to make its input with."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from engines.audio_prepare.engine import AudioPrepare
from engines.sdk import testing

Prepare: TypeAlias = Callable[..., testing.Outcome]


@pytest.fixture
def prepare(tmp_path: Path) -> Prepare:
    def run(source: Path, **options: str) -> testing.Outcome:
        workdir = tmp_path / "work"
        workdir.mkdir(exist_ok=True)
        return testing.run(AudioPrepare(), source=source, options={**options}, workdir=workdir)

    return run
