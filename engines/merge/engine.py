"""Stage merge: one transcript of everything that the stages before it found out."""

from typing import TypeVar

from engines.merge.join import Others, joined
from engines.sdk.contract import Engine, InvalidInput, Task
from streams.transcript import (
    Cleaned,
    Diarization,
    Emotions,
    LanguageFound,
    Transcript,
)

D = TypeVar("D")


class Merge(Engine):
    """Needs no model and no audio: JSON in, JSON out."""

    name = "merge"
    stage = "merge"
    version = "0.2.0"
    hears = False

    def run(self, task: Task) -> Transcript:
        """Join the documents of the stages that this one needs; others than these two may lack.

        Raises:
            InvalidInput: the plan left out a stage that nothing can be merged without.
        """
        missing = {"prepare", "transcribe"} - task.documents.keys()
        if missing:
            raise InvalidInput(f"merge needs the output of: {', '.join(sorted(missing))}")
        others = Others(
            transcribed=_given(task, "transcribe", Transcript),
            language=_given(task, "language", LanguageFound),
            diarization=_given(task, "diarize", Diarization),
            emotions=_given(task, "emotion", Emotions),
            cleaned=_given(task, "cleanup", Cleaned),
        )
        return joined(task.prepared, task.heard, task.provenance(), others)


def _given(task: Task, stage: str, kind: type[D]) -> D | None:
    return task.document(stage, kind) if stage in task.documents else None
