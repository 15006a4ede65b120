"""Build the page, when what it is made of has changed: ``python3 -m infra.page VENV [--check]``.

It takes the machine's Node when that is new enough, else one from the package index, into an
environment of its own. Needs nothing but Python, as `infra.setup` does, whose steps it takes.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from infra.setup import PIP, ROOT, Failed, create, step

UI = ROOT / "web" / "ui"
SOURCES = ("src", "index.html", "package-lock.json", "tsconfig.json", "vite.config.ts")
OLDEST = (20, 19)
"""The Node that the builder wants at least."""


def main(venv: Path) -> None:
    """Do what is not done yet, in order."""
    if not new_enough():
        node(venv)
    npm = ["npm", "--prefix", str(UI)]
    for title, made in ("page packages", UI / "node_modules"), ("page", UI / "dist/index.html"):
        if not made.exists():
            (venv / f"{title.replace(' ', '-')}.stamp").unlink(missing_ok=True)
    lock = (UI / "package-lock.json").read_text()
    step(venv, "page packages", lock, lambda: [*npm, "ci"])
    step(venv, "page", digest(), lambda: [*npm, "run", "build"])


def check(venv: Path) -> None:
    """Types, lint, format and the tests of the page's own logic; all that they say is shown."""
    main(venv)
    for script in "check", "test":
        if subprocess.run(["npm", "--prefix", str(UI), "run", script], check=False).returncode:
            raise Failed(f"`npm run {script}` in web/ui found something")


def new_enough() -> bool:
    """Whether this machine has npm and a Node that the builder works with."""
    if not (shutil.which("node") and shutil.which("npm")):
        return False
    done = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)\.(\d+)", done.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= OLDEST


def node(venv: Path) -> None:
    """Get Node from the package index, and have it found before any other."""
    home = venv / "node"
    python = home / "bin" / "python"
    if not python.exists():
        for stamp in "environment-of-node.stamp", "node.stamp":
            (venv / stamp).unlink(missing_ok=True)
    step(venv, "environment of node", "", lambda: create(home))
    lock = UI / "node.lock"
    command = [str(python), *PIP, "--require-hashes", "--no-deps", "-r", str(lock)]
    step(venv, "node", lock.read_text(), lambda: command)
    os.environ["PATH"] = f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"


def digest() -> str:
    """What the page is made of, as one value."""
    whole = hashlib.sha256()
    for path in sources():
        whole.update(f"{path.relative_to(UI)}\0".encode() + path.read_bytes() + b"\0")
    return whole.hexdigest()


def sources() -> Iterator[Path]:
    """All files that the page is made of, in order."""
    for name in SOURCES:
        path = UI / name
        yield from sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


if __name__ == "__main__":
    arguments = sys.argv[1:]
    try:
        (check if "--check" in arguments else main)(Path(arguments[0]).absolute())
    except (Failed, OSError) as error:
        sys.exit(f"\npage: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
