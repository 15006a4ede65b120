"""Stage merge: one transcript of everything that the stages before it found out."""

from engines.merge.join import joined
from engines.sdk.contract import Engine, InvalidInput, Task
from streams.transcript import Prepared, Transcript


class Merge(Engine):
    """Needs no model and no audio: JSON in, JSON out."""

    name = "merge"
    stage = "merge"
    version = "0.1.0"
    hears = False

    def run(self, task: Task) -> Transcript:
        """Join the documents of the stages that this one needs.

        Raises:
            InvalidInput: the plan left out a stage that nothing can be merged without.
        """
        missing = {"prepare", "transcribe"} - task.documents.keys()
        if missing:
            raise InvalidInput(f"merge needs the output of: {', '.join(sorted(missing))}")
        heard = task.document("transcribe", Transcript)
        return joined(task.document("prepare", Prepared), heard, task.provenance())
