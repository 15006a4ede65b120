"""Make the virtual environment and fill it from the locks; needs nothing but Python itself.

``python3 infra/setup.py VENV [--dev]``. Each step leaves a stamp, so that the next time it costs
nothing. While it works a line shows what it does; what the installer says shows when it fails.
"""

import hashlib
import itertools
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEEDED = (3, 11)
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar=off")


class Failed(Exception):
    """A step failed; the message is what its program said."""


def main(venv: Path, *, dev: bool) -> None:
    """Do what is not done yet, in order."""
    if sys.version_info < NEEDED:
        raise Failed(
            f"this is Python {sys.version.split()[0]}, and 3.11 or newer is needed: "
            "name another one with `make PYTHON=python3.12 …`"
        )
    python = venv / "bin" / "python"
    if not python.exists() or f"version = {platform.python_version()}" not in configured(venv):
        step(venv, "environment", "", lambda: create(venv))
    install(venv, python, "packages", ROOT / "requirements.lock")
    if dev:
        install(venv, python, "development packages", ROOT / "requirements-dev.lock")
    itself = [*PIP, "--no-deps", "--no-build-isolation", "-e", str(ROOT)]
    described = (ROOT / "pyproject.toml").read_text()
    step(venv, "dalston itself", described, lambda: [str(python), *itself])


def install(venv: Path, python: Path, title: str, lock: Path) -> None:
    """Install just what a lock names, each file checked against its hash."""
    command = [str(python), *PIP, "--require-hashes", "--no-deps", "-r", str(lock)]
    step(venv, title, lock.read_text(), lambda: command)


def configured(venv: Path) -> str:
    """What an environment says of itself."""
    file = venv / "pyvenv.cfg"
    return file.read_text() if file.exists() else ""


def create(venv: Path) -> Sequence[str]:
    """The command that makes the environment afresh."""
    try:
        import ensurepip  # noqa: F401, PLC0415 - Debian leaves it out of python3
    except ImportError:
        raise Failed(
            "this Python cannot make virtual environments: install its venv module "
            "(Debian, Ubuntu: apt install python3-venv; Fedora has it in python3)"
        ) from None
    return [sys.executable, "-m", "venv", "--clear", str(venv)]


def step(venv: Path, title: str, made_from: str, command: Callable[[], Sequence[str]]) -> None:
    """Run a command unless its stamp says that it was run on the same before."""
    stamp = venv / f"{title.replace(' ', '-')}.stamp"
    wanted = hashlib.sha256(f"{made_from}\0{venv}".encode()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    began = time.monotonic()
    run(title, command(), began)
    stamp.write_text(wanted)
    show(f"✓ {title}", began, end="\n")


def run(title: str, command: Sequence[str], began: float) -> None:
    """Run a command to its end, with a sign of life."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            for frame in itertools.cycle(FRAMES):
                try:
                    process.wait(0.1)
                    break
                except subprocess.TimeoutExpired:
                    if sys.stdout.isatty():
                        show(f"{frame} {title}", began)
        except BaseException:
            process.kill()
            process.wait()
            raise
        if process.returncode:
            output.seek(0)
            said = output.read().decode(errors="replace")
            raise Failed(f"{title}: {' '.join(command)} failed:\n{said}")


def show(text: str, began: float, end: str = "") -> None:
    """Write a line with the time that went by, over the one before."""
    start = "\r\033[K" if sys.stdout.isatty() else ""
    print(f"{start}{text} ({time.monotonic() - began:.1f} s)", end=end, flush=True)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    try:
        main(Path(arguments[0]).absolute(), dev="--dev" in arguments)
    except (Failed, OSError) as error:
        sys.exit(f"\nsetup: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
