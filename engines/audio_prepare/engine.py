"""Stage prepare: decode, probe and measure with PyAV; tracks of 16 kHz mono for the models."""

from engines.sdk.contract import Engine, Task
from streams.transcript import Prepared


class AudioPrepare(Engine):
    """Reads whatever FFmpeg reads; the file is streamed, never held."""

    name = "audio_prepare"
    stage = "prepare"
    version = "0.2.0"
    hears = False

    def run(self, task: Task) -> Prepared:
        from engines.audio_prepare.prepare import prepared  # noqa: PLC0415 - PyAV: the child's only

        return prepared(task)
