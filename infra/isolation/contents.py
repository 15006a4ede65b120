"""Does an environment or an image hold another engine's library? The installed names tell."""

import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from infra.isolation.conflicts import normal

LIBRARIES = {
    "audio_prepare": None,  # PyAV, which others read audio with, too
    "emotion2vec": "funasr",
    "faster_whisper": "faster-whisper",
    "funasr": "funasr",
    "llm_cleanup": "litellm",
    "merge": None,  # the standard library
    "moonshine": "moonshine-voice",
    "pocketsphinx": "pocketsphinx",
    "presidio": "presidio-analyzer",
    "pyannote": "pyannote-audio",
    "spoken_language": "faster-whisper",
    "whisperx": "whisperx",
}
"""Engine → the library that it is there for."""
INSTALLED = "import importlib.metadata as m; print(*(d.name for d in m.distributions()), sep='\\n')"


def strangers(engine: str, installed: Iterable[str]) -> list[str]:
    """The libraries among the installed packages that only other engines are there for."""
    others = {library for library in LIBRARIES.values() if library} - {LIBRARIES.get(engine)}
    return sorted(others & {normal(name) for name in installed})


def of_environment(directory: Path) -> list[str]:
    """The packages of a virtual environment; none if it is not there or not finished."""
    if not (directory / "dalston.stamp").exists():
        return []
    found = directory.glob("lib/python*/site-packages/*.dist-info")
    return [path.name.partition("-")[0] for path in found]


def of_image(engine: str, target: str = "cpu") -> list[str]:
    """The packages of the image that Compose builds for an engine; none if it was not built."""
    image = f"dalston-{engine.replace('_', '-')}{'-cuda' if target == 'cuda' else ''}"
    run = ["docker", "run", "--rm", "--network", "none", image, "python", "-c", INSTALLED]
    return _said(run) if _said(["docker", "image", "inspect", "-f", "{{.Id}}", image]) else []


def has_docker() -> bool:
    """Whether a Docker engine answers."""
    return bool(
        shutil.which("docker") and _said(["docker", "version", "-f", "{{.Server.Version}}"])
    )


def _said(command: list[str]) -> list[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.split() if done.returncode == 0 else []
