"""Stage transcribe: English by a small Moonshine model, with the time of each segment."""

import hashlib
import importlib.util
from importlib import metadata
from pathlib import Path
from typing import Any

from engines.moonshine import asked, lines
from engines.sdk.contract import Engine, ModelUnavailable, Task
from streams.transcript import LanguageFound, Segment, Transcript

MODEL = "tiny-en"
PACKAGE = "moonshine_voice"
WEIGHTS = ("encoder_model.ort", "decoder_model_merged.ort")
WINDOW_S = 20.0
SEARCH_S = 8.0
LONGEST_S = 30
"""The library cuts speech at two thirds of this, wherever that is; our windows end in a pause."""


class Moonshine(Engine):
    """The model in the wheel, on the CPU; a line is what lies between two pauses."""

    name = "moonshine"
    stage = "transcribe"
    version = "0.1.0"
    needs_model = True

    def __init__(self) -> None:
        self._transcriber: Any = None
        self._sha256 = ""

    def models(self) -> tuple[str, ...]:
        return (MODEL,) if _folder() else ()

    def languages(self) -> dict[str, tuple[str, ...]]:
        return {MODEL: (asked.LANGUAGE,)}

    def gives(self) -> dict[str, tuple[str, ...]]:
        return {"": ("punctuation",)}

    def load(self, model: str | None) -> None:
        folder = _folder()
        if folder is None:
            raise ModelUnavailable(
                f"the model {MODEL} is not in this environment: it comes in the wheel of "
                "moonshine-voice 0.1.0 (later wheels leave it out)"
            )
        from moonshine_voice.errors import MoonshineError  # noqa: PLC0415 - heavy: the child's
        from moonshine_voice.moonshine_api import ModelArch  # noqa: PLC0415
        from moonshine_voice.transcriber import Transcriber  # noqa: PLC0415

        options = {"return_audio_data": "false", "vad_max_segment_duration": LONGEST_S}
        try:
            self._transcriber = Transcriber(folder, ModelArch.TINY, options=options)
        except MoonshineError as error:
            raise ModelUnavailable(f"model {model!r} ({folder}) does not load: {error}") from None
        self._sha256 = _sha256(folder)

    def unload(self) -> None:
        if self._transcriber is not None:
            self._transcriber.close()
        self._transcriber = None

    def run(self, task: Task) -> Transcript:
        """Listen to every track that is not silent.

        Raises:
            InvalidInput: another language than English, or a translation, is asked for.
        """
        options = task.parsed(asked.Options)
        asked.check(options)
        tracks = zip(task.prepared.tracks, task.tracks, strict=True)
        audible = [(track, path) for track, path in tracks if not track.silent]
        found: list[Segment] = []
        for number, (track, path) in enumerate(audible):
            self._listen(task, path, track.channel, found, (number, len(audible)))
        warnings = asked.ignored(options, _language(task))
        if audible and not found:
            warnings.append("no speech was found")
        return Transcript(
            duration=task.prepared.duration,
            segments=tuple(sorted(found, key=lambda s: (s.start, s.end, s.channel or 0))),
            language=asked.LANGUAGE if found else None,
            warnings=tuple(warnings),
            provenance=(
                task.provenance(
                    model=MODEL,
                    model_sha256=self._sha256,
                    parameters={
                        **task.options,
                        "device": self.device,
                        "moonshine-voice": metadata.version("moonshine-voice"),
                    },
                ),
            ),
        )

    def _listen(
        self,
        task: Task,
        path: Path,
        channel: int | None,
        found: list[Segment],
        place: tuple[int, int],
    ) -> None:
        """One track, window by window; what it says goes to ``found``."""
        from engines.sdk.windows import windows  # noqa: PLC0415 - numpy: the child's

        number, tracks = place
        for window in windows(path, WINDOW_S, SEARCH_S):
            heard = self._transcriber.transcribe_without_streaming(window.samples.tolist())
            said = tuple(lines.segments(heard.lines, window.start, window.seconds, channel))
            task.hear(said)
            found += said
            share = (window.start + window.seconds) / task.prepared.duration
            task.progress(min(1.0, (number + share) / tracks))


def _folder() -> Path | None:
    """The model in the wheel, found without importing it, so that a supervisor stays small."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "assets" / MODEL
    return folder if all((folder / name).is_file() for name in WEIGHTS) else None


def _sha256(folder: Path) -> str:
    """Of the weights, one file after the other."""
    digest = hashlib.sha256()
    for name in WEIGHTS:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _language(task: Task) -> LanguageFound | None:
    return task.document("language", LanguageFound) if "language" in task.documents else None
