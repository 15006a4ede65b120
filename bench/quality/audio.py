"""Audio with known words, times or turns: from source distributions, our sample, and made here."""

import hashlib
import sys
import tarfile
from collections.abc import Iterator

import msgspec

from bench.quality.lab import HERE, KEPT, ROOT, ask, own_python, run, say
from engines.sdk import wav

SOURCES = HERE / "audio.lock"
LIBRIVOX = "pocketsphinx-5.1.1/test/data/librivox"
MEETINGS = "pyannote_audio-4.0.7/tests/data"


class Recording(msgspec.Struct, kw_only=True):
    """A WAV file (16 kHz, mono, 16 bit) and what is known of it; times in seconds."""

    name: str
    kind: str
    file: str
    text: str = ""
    words: list[tuple[str, float]] = []
    """When each word begins; two words in one are said as one."""
    turns: list[tuple[float, float, str]] = []
    spoken: list[tuple[str, str]] = []
    """Each word and who says it."""
    judged: tuple[float, float] | None = None
    """The stretch in which turns are known; None: all of it."""


async def recordings(*, quick: bool, every: bool) -> list[Recording]:
    """All that is measured on.

    Args:
        quick: a few of each kind.
        every: all meetings, the 10 on which the pipeline's settings were chosen, too.
    """
    await fetch()
    made = await generated()
    read = list(librivox())
    met = list(meetings("debug.test", "debug.development", *(["debug.train"] if every else [])))
    if quick:
        read, met = read[:2], met[:1]
        made = [one for one in made if one.name.startswith(("joe-1", "2-1", "3-3"))]
    return [sample(), *read, *met, *made]


async def fetch() -> None:
    """The source distributions, by their hashes, unless they are there."""
    target = KEPT / "sources"
    if (target / LIBRIVOX).is_dir() and (target / MEETINGS).is_dir():
        return
    say("fetching source distributions that bring audio along (80 MB)")
    target.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "--python", str(await own_python())]
    plain = ["--no-deps", "--no-binary", ":all:", "--no-build-isolation", "--require-hashes"]
    await run([*pip, "download", "--quiet", *plain, "-d", target, "-r", SOURCES])
    for path in target.glob("*.tar.gz"):
        with tarfile.open(path) as archive:
            wanted = [m for m in archive if "/data/librivox/" in m.name or "/tests/data/" in m.name]
            archive.extractall(target, wanted, filter="data")


def sample() -> Recording:
    """What the demo transcribes."""
    (KEPT / "made").mkdir(parents=True, exist_ok=True)
    target = KEPT / "made" / "sample.wav"
    wav.convert(ROOT / "samples" / "sense_and_sensibility.flac", target)
    text = (ROOT / "samples" / "sense_and_sensibility.txt").read_text()
    return Recording(name="sample", kind="samples", file=str(target), text=" ".join(text.split()))


def librivox() -> Iterator[Recording]:
    """Five sentences of one reader, each in a file."""
    for path in sorted((KEPT / "sources" / LIBRIVOX).glob("*.wav")):
        text = path.with_suffix(".txt").read_text().strip()
        yield Recording(name=path.stem[-4:], kind="librivox", file=str(path), text=text)


def meetings(*subsets: str) -> Iterator[Recording]:
    """Half a minute of an AMI meeting each; by hand it is known who speaks."""
    folder = KEPT / "sources" / MEETINGS
    for subset in subsets:
        fields = [line.split() for line in (folder / f"{subset}.uem").read_text().splitlines()]
        turns = [line.split() for line in (folder / f"{subset}.rttm").read_text().splitlines()]
        for name, _, first, last in fields:
            mine = [(float(t[3]), float(t[3]) + float(t[4]), t[7]) for t in turns if t[1] == name]
            target = KEPT / "made" / f"{name}.wav"
            wav.convert(folder / f"{name}.wav", target)
            yield Recording(
                name=name,
                kind="meetings (AMI)",
                file=str(target),
                turns=mine,
                judged=(float(first), float(last)),
            )


async def generated() -> list[Recording]:
    """Speech made here, once for each version of what makes it: a synthesizer is never the same."""
    recipe = [(HERE / name).read_bytes() for name in ("speak.py", "sentences.txt", "audio.lock")]
    folder = KEPT / "made" / hashlib.sha256(b"\0".join(recipe)).hexdigest()[:12]
    kept = folder / "recordings.json"
    if not kept.exists():
        say("making speech and conversations")
        question = {
            "sentences": (HERE / "sentences.txt").read_text().splitlines(),
            "reader": [(one.file, one.text) for one in librivox()],
            "folder": folder,
        }
        found = await ask(await own_python(), "speak.py", question)
        fresh = kept.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(found))
        fresh.replace(kept)
    return msgspec.json.decode(kept.read_bytes(), type=list[Recording])
