"""Stage redact: what is personal, masked in the transcript and, if asked for, in the audio.

The last stage: it gives the final transcript or fails. A text that it cannot read is refused,
never passed through.
"""

import gc
from collections.abc import Callable
from typing import Any

import msgspec

from engines.presidio import analyse
from engines.presidio.audio import spans, veil
from engines.presidio.options import Options, check_language, kinds
from engines.presidio.redact import redacted
from engines.sdk.contract import Engine, InvalidInput, Task
from streams.events import Artifact
from streams.transcript import Redacted, Transcript

TEXT_SHARE = 0.8
"""Of the progress; the rest is for the audio."""


class Presidio(Engine):
    """Presidio's recognisers over spaCy's English model."""

    name = "presidio"
    stage = "redact"
    version = "0.1.0"
    needs_model = True

    def __init__(self) -> None:
        self._model: str | None = None
        self._analyser: Any = None

    def models(self) -> tuple[str, ...]:
        """The spaCy models in this environment."""
        return analyse.installed()

    def languages(self) -> dict[str, tuple[str, ...]]:
        """English, whichever model."""
        return dict.fromkeys(self.models(), ("en",))

    def load(self, model: str | None) -> None:
        """Import Presidio and read the model."""
        self._analyser, self._model = analyse.loaded(model), model

    def unload(self) -> None:
        """Let go of the model."""
        self._analyser = None
        gc.collect()

    def run(self, task: Task) -> Transcript:
        """Mask the transcript that `merge` made.

        Raises:
            InvalidInput: there is none, it is not English, or an unknown kind is asked for.
        """
        options = task.parsed(Options)
        wanted = kinds(options)
        if "merge" not in task.documents:
            raise InvalidInput("redact needs the output of merge")
        transcript = task.document("merge", Transcript)
        check_language(transcript, options)
        find = analyse.finder(self._analyser, wanted)
        share = 1.0 if options.audio == "keep" else TEXT_SHARE
        made = redacted(transcript, find, wanted, lambda part: task.progress(part * share))
        mark = task.provenance(
            model=self._model, parameters={"kinds": list(wanted), "audio": options.audio}
        )
        return msgspec.structs.replace(
            made,
            provenance=(*made.provenance, mark),
            audio=self._audio(task, made.redactions, options),
        )

    def _audio(
        self, task: Task, redactions: tuple[Redacted, ...], options: Options
    ) -> tuple[Artifact, ...]:
        """Each track with what is personal made inaudible, as a file of this attempt."""
        if options.audio == "keep":
            return ()
        kept = []
        for number, (track, path) in enumerate(zip(task.prepared.tracks, task.tracks, strict=True)):
            target = task.workdir / f"redacted-{number}.wav"
            done = _part(task, number, len(task.tracks))
            veil(path, target, spans(redactions, track.channel), options.audio, done)
            kept.append(task.keep(target, "audio/wav"))
        return tuple(kept)


def _part(task: Task, number: int, tracks: int) -> Callable[[float], None]:
    """Reports how far one of the tracks is as how far the task is."""
    share = (1 - TEXT_SHARE) / tracks
    return lambda part: task.progress(min(TEXT_SHARE + share * (number + part), 1.0))
