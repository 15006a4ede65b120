"""One task: its tracks heard one after the other, in the language that the first speech is in."""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from engines.faster_whisper.clips import Clip
from engines.faster_whisper.listen import Listener
from engines.faster_whisper.request import Request
from engines.sdk.windows import Window, windows
from streams.transcript import Segment


class Hearing:
    """What has been heard so far.

    language: as asked for, as the model knows no other, or as detected; None before any speech.
    probability: of whoever detected it, this model or the stage before; None when nobody did.
    """

    def __init__(
        self, listener: Listener, request: Request, probability: float | None = None
    ) -> None:
        self._listener = listener
        self._request = request
        self.language = request.language
        self.probability = probability
        self.segments: list[Segment] = []

    def track(self, path: Path, channel: int | None) -> Iterator[float]:
        """Listen to a whole track; gives, again and again, the seconds that are done."""
        for window in windows(path):
            clips = self._listener.clips(window, vad=self._request.vad)
            if clips:
                self._settle(window, clips)
                request = msgspec.structs.replace(self._request, language=self.language)
                for segment in self._listener.segments(window, clips, request, channel):
                    self.segments.append(segment)
                    yield segment.end
            yield window.start + window.seconds

    def _settle(self, window: Window, clips: list[Clip]) -> None:
        if self.language is None:
            self.language, self.probability = self._listener.language(window, clips)
