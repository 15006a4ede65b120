"""The three stages as real engines whose work costs nothing: they do what the file tells them.

With ECHO_WITNESS set they also note each attempt there, at its beginning and at its end, a line
each: what really ran, whatever the log says of it.
"""

import os
import signal
import sys
import time
from pathlib import Path

import msgspec

from engines.sdk.contract import Engine, InvalidInput, Task
from streams.transcript import Media, Prepared, Segment, Track, Transcript, Word
from tests.echo.script import Act, Script, decode, encode

STEP_S = 0.05
WITNESS = "ECHO_WITNESS"


class Seen(msgspec.Struct, frozen=True):
    """A line of the witness: an attempt began or ended; ``at`` is seconds since 1970."""

    job: str
    stage: str
    token: int
    what: str
    at: float
    pid: int


class Prepare(Engine):
    """Takes the script for one track, and hands it on."""

    name = "audio_prepare"
    stage = "prepare"
    version = "echo"
    hears = False

    def run(self, task: Task) -> Prepared:
        """The file as it came is the track."""
        assert task.source is not None
        script = decode(task.source.read_bytes())
        perform(task, script)
        track = task.workdir / "track-0.wav"
        track.write_bytes(encode(script))
        return Prepared(
            media=Media("echo", "echo", 16_000, 1, script.audio_s),
            duration=script.audio_s,
            tracks=(Track(task.keep(track, "audio/wav"), None, None, silent=False),),
            provenance=(task.provenance(parameters={"script": encode(script).decode()}),),
        )


class Transcribe(Engine):
    """Hears the words that the script says."""

    name = "faster_whisper"
    stage = "transcribe"
    version = "echo"

    def models(self) -> tuple[str, ...]:
        """One that needs no loading."""
        return ("echo",)

    def run(self, task: Task) -> Transcript:
        """The words evenly spread; they are heard before the work is done."""
        script = decode(task.tracks[0].read_bytes())
        segments = spoken(script)
        if hear := getattr(task, "hear", None):  # a release of before cannot
            hear(segments)
        perform(task, script)
        return Transcript(
            duration=script.audio_s,
            segments=segments,
            provenance=(task.provenance(model="echo"),),
        )


class Merge(Engine):
    """Hands on what was heard."""

    name = "merge"
    stage = "merge"
    version = "echo"
    hears = False

    def run(self, task: Task) -> Transcript:
        """The transcript with both marks."""
        parameters = task.prepared.provenance[0].parameters
        perform(task, decode(str(parameters["script"]).encode()))
        heard = task.document("transcribe", Transcript)
        return msgspec.structs.replace(heard, provenance=(*heard.provenance, task.provenance()))


ENGINES: dict[str, type[Engine]] = {
    "prepare": Prepare,
    "transcribe": Transcribe,
    "merge": Merge,
}


def spoken(script: Script) -> tuple[Segment, ...]:
    """The words evenly spread over the time, in segments of as many each."""
    texts = script.says.split()
    each = script.audio_s / max(len(texts), 1)
    words = tuple(Word(text, n * each, (n + 1) * each) for n, text in enumerate(texts))
    if script.segments == 1:
        return (Segment(0.0, script.audio_s, script.says, words),)
    size = max(1, len(words) // script.segments)
    parts = [words[n : n + size] for n in range(0, len(words), size)]
    return tuple(
        Segment(part[0].start, part[-1].end, " ".join(word.text for word in part), part)
        for part in parts
    )


def perform(task: Task, script: Script) -> None:
    """Do what this attempt is told."""
    act = script.act(task.stage, task.token)
    testify(task, "begins")
    take_time(task, act)
    match act.do:
        case "raise":
            raise RuntimeError("the script says so")
        case "refuse":
            raise InvalidInput("the script says that this is no audio")
        case "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            sys.exit(3)
        case "work" | "silent":
            testify(task, "ends")


def take_time(task: Task, act: Act) -> None:
    """Sleep as long as the act lasts, telling how far it is unless it is silent."""
    began = time.monotonic()
    while (left := began + act.seconds - time.monotonic()) > 0:
        if act.do == "silent":
            time.sleep(left)
        else:
            task.progress(1 - left / act.seconds)
            time.sleep(min(STEP_S, left))


def testify(task: Task, what: str) -> None:
    """Note it where nobody who is tested can change it; a short line is written whole."""
    if not (place := os.environ.get(WITNESS)):
        return
    seen = Seen(task.job, task.stage, task.token, what, time.time(), os.getpid())
    with Path(place).open("ab") as file:
        file.write(msgspec.json.encode(seen) + b"\n")


def witnessed(place: Path) -> list[Seen]:
    """All that was noted, in the order of writing."""
    lines = place.read_bytes().splitlines() if place.exists() else []
    return [msgspec.json.decode(line, type=Seen) for line in lines]
