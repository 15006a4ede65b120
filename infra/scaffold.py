"""`dalston engine new NAME`: the files of a working engine with its test, to be changed at will."""

import importlib.resources
import keyword
import re
from pathlib import Path
from string import Template

from infra.local.errors import LocalError

NAME = re.compile(r"[a-z][a-z0-9_]*")
KINDS = {
    "prepare": "prepare", "language": "language", "transcribe": "hear", "diarize": "hear",
    "emotion": "hear", "align": "read", "cleanup": "clean", "merge": "read", "redact": "read",
}  # fmt: skip
"""Stage → the templates that it is begun from: they return what `merge` expects of it."""
HEAR = {
    "transcribe": {
        "made": "a transcript", "imports": "Segment, Transcript", "Output": "Transcript",
        "field": "segments", "piece": "segment", "Piece": 'Segment(*span, text="(sound)")',
        "tell": "\n                task.hear(found[-1:])  # so that it can be watched meanwhile",
    },
    "diarize": {
        "made": "who speaks when", "imports": "Diarization, Turn", "Output": "Diarization",
        "field": "turns", "piece": "turn", "Piece": 'Turn(*span, speaker=f"S{number + 1}")',
        "tell": "",
    },
    "emotion": {
        "made": "how it sounds", "imports": "Emotion, Emotions, EmotionSpan", "Output": "Emotions",
        "field": "spans", "piece": "span", "Piece": 'EmotionSpan(*span, emotion=Emotion("loud"))',
        "tell": "",
    },
}  # fmt: skip
"""Stage that finds pieces of audio → the words of its template."""
FILES = ("__init__.py", "__main__.py", "engine.toml", "requirements.in", "Dockerfile")
LOCK = "requirements.lock"


class CannotScaffold(LocalError):
    """The engine cannot be made; the message says which name or folder is in the way."""


def new(name: str, stage: str, root: Path) -> list[Path]:
    """Write ``engines/NAME/`` and ``tests/engines/NAME/test_engine.py``; the files, as written.

    The engine runs as it is: served, alone on a file, in an environment and in an image.

    Args:
        name: an importable name in lower case; also the queue's and the container's.
        stage: the kind of stage that it does, one of KINDS.
        root: the checkout.

    Raises:
        CannotScaffold: a name or stage that does not do, an engine that exists, or no checkout.
    """
    _check(name, stage, root)
    engine, tests = root / "engines" / name, root / "tests" / "engines" / name
    kind = KINDS[stage]
    values = {
        "name": name,
        "stage": stage,
        "Class": "".join(part.capitalize() for part in name.split("_")),
        "Title": name.replace("_", " ").capitalize(),
        "input": "merge" if stage == "redact" else "transcribe",
        **HEAR.get(stage, {}),
    }
    texts = {engine / file: _render(file, values) for file in FILES}
    texts[engine / "engine.py"] = _render(f"engine.{kind}.py", values)
    texts[engine / LOCK] = _kit_lock(root)
    texts[tests / "test_engine.py"] = _render(f"test.{kind}.py", values)
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return list(texts)


def _check(name: str, stage: str, root: Path) -> None:
    if not NAME.fullmatch(name) or keyword.iskeyword(name):
        raise CannotScaffold(
            f"{name!r} cannot be the name of the engine: use a-z, 0-9 and _, from a letter on"
        )
    if stage not in KINDS:
        raise CannotScaffold(f"{stage!r} is no stage of a job; there are: {', '.join(KINDS)}")
    if not (root / "engines" / "sdk" / "contract.py").is_file():
        raise CannotScaffold(f"{root.resolve()} is no checkout of Dalston: go there, or use --root")
    for folder in (root / "engines" / name, root / "tests" / "engines" / name):
        if folder.exists() and any(folder.iterdir()):
            raise CannotScaffold(f"{folder} is there already: choose another name, or remove it")


def _render(file: str, values: dict[str, str]) -> str:
    template = importlib.resources.files("infra") / "templates" / "engine" / f"{file}.in"
    lines = Template(template.read_text()).substitute(values).splitlines(keepends=True)
    ours = [number for number, line in enumerate(lines) if line.startswith("from engines.")]
    # Where the engine's own import stands among the kit's depends on its name.
    in_order = sorted((lines[number] for number in ours), key=lambda line: line.split()[1])
    for number, line in zip(ours, in_order, strict=True):
        lines[number] = line
    return "".join(lines)


def _kit_lock(root: Path) -> str:
    """The lock of an engine that needs nothing but the kit, which `merge` is."""
    lock = root / "engines" / "merge" / LOCK
    if not lock.is_file():
        raise CannotScaffold(f"{lock} is missing: the new engine's lock is begun from it")
    return lock.read_text()
