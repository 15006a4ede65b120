"""One task: its tracks heard one after the other, a window at a time."""

from collections.abc import Iterator
from pathlib import Path

from engines.funasr import lines
from engines.funasr.listen import Listener
from engines.funasr.models import Model
from engines.funasr.pauses import Clip
from engines.funasr.request import Options, asking
from engines.funasr.results import Heard, written_in
from engines.sdk.windows import Window, windows
from streams.transcript import Segment


class Hearing:
    """What has been heard so far.

    untimed: clips whose words have no times, for what the library gave did not fit the text.
    failed: where clips begin (seconds) on which the library broke down.
    """

    def __init__(
        self, listener: Listener, model: Model, options: Options, language: str | None
    ) -> None:
        self._listener = listener
        self._model = model
        self._options = options
        self._language = language
        self.segments: list[Segment] = []
        self.untimed = 0
        self.failed: list[float] = []

    def track(self, path: Path, channel: int | None) -> Iterator[float]:
        """Listen to a whole track; gives, again and again, the seconds that are done."""
        asked = asking(self._model, self._options.hotwords, self._language)
        for window in windows(path):
            clips = self._listener.clips(window.samples, vad=self._options.vad)
            for clip, heard in self._listener.hear(window.samples, clips, asked):
                self._keep(window, clip, heard, channel)
                yield window.start + clip.end
            yield window.start + window.seconds

    def warnings(self) -> list[str]:
        """What a reader of the transcript should know."""
        found = [] if self.segments or self.failed else ["no speech was found"]
        if self.untimed:
            found.append(f"{self.untimed} clips have no word times: they did not fit the text")
        if self.failed:
            found.append(
                f"FunASR broke down on {len(self.failed)} clips, the first at "
                f"{self.failed[0]:.1f} s: what is said there is missing"
            )
        return found

    def _keep(self, window: Window, clip: Clip, heard: Heard, channel: int | None) -> None:
        self.untimed += heard.untimed
        if heard.failed:
            self.failed.append(window.start + clip.start)
        self.segments += lines.segments(
            Clip(window.start + clip.start, window.start + clip.end),
            heard,
            channel=channel,
            language=self._language or written_in(heard.text, self._model.languages),
            keep_words=self._options.word_timestamps,
        )
