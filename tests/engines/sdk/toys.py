"""Small real engines: one that works, and one for each way to go wrong."""

import array
import ctypes
import os
import resource
import signal
import sys
import time

import msgspec

from engines.sdk import wav
from engines.sdk.contract import Engine, InvalidInput, Task
from engines.sdk.main import main
from streams.transcript import Cleaned, Media, Prepared, Segment, Spent, Track, Transcript


class Toy(Engine):
    """Does what the option ``do`` says; the file ``flag`` is made when it begins."""

    name = "toy"
    stage = "prepare"
    version = "1.2.3"
    hears = False

    def models(self) -> tuple[str, ...]:
        return ("small", "large")

    def load(self, model: str | None) -> None:
        print(f"loading {model}", flush=True)
        if model == "large":
            time.sleep(float(os.environ.get("TOY_LOAD_S", "0")))

    def run(self, task: Task) -> msgspec.Struct:
        print("running", file=sys.stderr, flush=True)
        if flag := task.option("flag"):
            with open(str(flag), "a") as file:  # noqa: PTH123
                file.write(f"{os.getpid()}\n")
        DEEDS[str(task.option("do", "echo"))](task)
        text = task.source.read_text() if task.source else ""
        kept = task.workdir / "kept.txt"
        kept.write_text(text.upper())
        task.keep(kept, "text/plain")
        return Transcript(
            duration=len(text) / 10,
            segments=(Segment(0.0, 1.0, text),),
            warnings=("it is a toy",),
            provenance=(task.provenance(model="small"),),
        )


class Opener(Engine):
    """Makes a track of as many samples as the source has bytes."""

    name = "opener"
    stage = "prepare"
    version = "1"
    hears = False

    def run(self, task: Task) -> Prepared:
        assert task.source is not None
        samples = array.array("h", task.source.read_bytes() * 2)
        track = task.workdir / "track-0.wav"
        wav.write(track, samples)
        audio = task.keep(track, "audio/wav")
        seconds = len(samples) / wav.RATE
        return Prepared(
            media=Media("wav", "pcm_s16le", wav.RATE, 1, seconds),
            duration=seconds,
            tracks=(Track(audio, None, None, silent=False),),
        )


class Ear(Engine):
    """Hears the tracks of `prepare` and says how many samples they have."""

    name = "ear"
    stage = "transcribe"
    version = "1"

    def run(self, task: Task) -> Transcript:
        sizes = " ".join(str(path.stat().st_size) for path in task.tracks)
        return Transcript(duration=task.prepared.duration, segments=(Segment(0.0, 1.0, sizes),))


class Talker(Engine):
    """Hears ``many`` segments of ``length`` characters, one in ``pause`` seconds."""

    name = "talker"
    stage = "transcribe"
    version = "1"
    hears = False

    def run(self, task: Task) -> Transcript:
        length, pause = int(str(task.option("length", 5))), float(str(task.option("pause", 0.0)))
        said = []
        for number in range(int(str(task.option("many", 10)))):
            text = str(number).rjust(length, "-")
            task.hear([Segment(Numpys(number), Numpys(number + 0.5), text)])
            said.append(Segment(number, number + 0.5, text))
            time.sleep(pause)
        return Transcript(duration=float(len(said)), segments=tuple(said))


class Payer(Engine):
    """Pays others for what it does."""

    name = "payer"
    stage = "cleanup"
    version = "1"
    hears = False

    def run(self, task: Task) -> Cleaned:  # noqa: ARG002 - of the contract
        spent = Spent(tokens_in=70, tokens_out=7, cost_usd=0.25)
        return Cleaned(duration=1.0, segments=(None,), spent=spent)


class Last(Engine):
    """Joins what the stages before it said."""

    name = "last"
    stage = "merge"
    version = "1"
    hears = False

    def run(self, task: Task) -> Transcript:
        parts = [task.document(stage, Transcript) for stage in sorted(task.documents)]
        return Transcript(
            duration=1.0, segments=tuple(part for whole in parts for part in whole.segments)
        )


def _hang(_: Task) -> None:
    time.sleep(3600)


class Numpys(float):
    """A number that is one of a library's own, as numpy's are."""


def _walk(task: Task) -> None:
    for step in range(1, int(str(task.option("steps", 20))) + 1):
        task.progress(Numpys(step / float(str(task.option("steps", 20)))))
        time.sleep(float(str(task.option("pause", 0.05))))


def _raise(_: Task) -> None:
    raise RuntimeError("the model tripped")


def _refuse(_: Task) -> None:
    raise InvalidInput("this is not speech")


def _exhaust(_: Task) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    with open("/proc/self/statm") as file:  # noqa: PTH123
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 64 * 1024 * 1024, hard))
    try:
        chunks = []
        while True:
            chunks.append(bytearray(16 * 1024 * 1024))
    finally:
        chunks.clear()
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _grow(_: Task) -> None:
    Toy.ballast = bytearray(os.urandom(1024) * 60 * 1024)  # type: ignore[attr-defined]


DEEDS = {
    "echo": lambda _: None,
    "hang": _hang,
    "walk": _walk,
    "raise": _raise,
    "refuse": _refuse,
    "exit": lambda _: sys.exit(3),
    "vanish": lambda _: os._exit(7),
    "segfault": lambda _: ctypes.string_at(0),
    "die": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "exhaust": _exhaust,
    "grow": _grow,
}


if __name__ == "__main__":
    engines = {kind.name: kind for kind in (Toy, Opener, Ear, Talker, Payer, Last)}
    raise SystemExit(main(engines[os.environ.get("TOY", "toy")], sys.argv[1:]))
