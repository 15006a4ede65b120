"""Which files are meant, and what their transcripts are called."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

AUDIO = (
    "3gp aac ac3 aif aiff amr ape avi caf flac flv m4a m4b m4v mka mkv mov mp2 mp3 mp4 mpeg mpg "
    "mts oga ogg ogv opus ra rm spx ts vob wav weba webm wma wmv"
)
SUFFIXES = frozenset(f".{name}" for name in AUDIO.split())
"""What counts as audio or video inside a directory; a file that is named is always taken."""


@dataclass(frozen=True)
class Source:
    """A file to transcribe; ``name`` is its path below the argument that named it."""

    path: Path
    name: Path


def collect(arguments: Iterable[Path]) -> list[Source]:
    """Every file that the arguments mean, each once, those of a directory by name."""
    found: dict[Path, Source] = {}
    for argument in arguments:
        if argument.is_dir():
            for path in sorted(_below(argument)):
                found.setdefault(path.resolve(), Source(path, path.relative_to(argument)))
        else:
            found.setdefault(argument.resolve(), Source(argument, Path(argument.name)))
    return list(found.values())


def outputs(sources: list[Source], directory: Path, form: str) -> list[Path]:
    """Where each transcript goes; files that differ only in their suffix keep it."""
    plain = [source.name.with_suffix(f".{form}") for source in sources]
    full = [source.name.with_name(f"{source.name.name}.{form}") for source in sources]
    names = [a if plain.count(a) == 1 else b for a, b in zip(plain, full, strict=True)]
    taken: dict[Path, int] = {}
    for number, name in enumerate(names):
        again = taken[name] = taken.get(name, 0) + 1
        if again > 1:  # the same name below two directories
            names[number] = name.with_name(f"{name.stem}-{again}{name.suffix}")
    return [directory / name for name in names]


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _below(directory: Path) -> Iterable[Path]:
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                yield path
