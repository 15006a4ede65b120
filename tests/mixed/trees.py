"""Checkouts to run parts from: today's, and that of an earlier release, taken out of git."""

import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RELEASES = {"v0.1.0": "8b89b0c", "v0.3.0": "3a6bec9"}
"""Tag → the commit that it names: a clone may have come without its tags."""

# Runs a module as `python -m` does, but only if it is the tree's own code that is imported: an
# editable install, or a working directory, must not slip in another version.
BOOT = """
import runpy, sys
tree, module, *rest = sys.argv[1:]
import engines, streams
for package in (engines, streams):
    assert package.__file__.startswith(tree + "/"), f"{package.__file__} is not in {tree}"
print(f"{module} runs from {tree}", flush=True)
sys.argv = [module, *rest]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


class NoHistory(Exception):
    """Git does not hold the commit of a release, as in a shallow clone: fetch the whole history."""


@dataclass(frozen=True)
class Tree:
    """A checkout by its name, and the variables that make Python import nothing else of ours."""

    name: str
    root: Path

    @property
    def environ(self) -> dict[str, str]:
        """For a process of this tree and those that it starts."""
        return {"PYTHONPATH": str(self.root), "PYTHONSAFEPATH": "1"}

    def command(self, module: str, *arguments: str) -> list[str]:
        """``python -m MODULE ARGUMENT …`` with this tree's code, or not at all."""
        return [sys.executable, "-P", "-c", BOOT, str(self.root), module, *arguments]


TODAY = Tree("today", ROOT)


def release(tag: str, folder: Path, repository: Path = ROOT) -> Tree:
    """The tree of a release, unpacked into a folder, with today's echo engines in it.

    Raises:
        NoHistory: git does not know its commit.
    """
    commit = _commit(tag, repository)
    root = folder / tag
    root.mkdir(parents=True)
    packed = folder / f"{tag}.tar"
    subprocess.run(["git", "-C", repository, "archive", "-o", packed, commit], check=True)
    with tarfile.open(packed) as tar:
        tar.extractall(root, filter="data")
    packed.unlink()
    if not (root / "tests" / "echo").exists():
        shutil.copytree(ROOT / "tests" / "echo", root / "tests" / "echo")
    return Tree(tag, root)


def _commit(tag: str, repository: Path) -> str:
    for name in (f"refs/tags/{tag}", RELEASES[tag]):
        found = subprocess.run(
            ["git", "-C", repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if found.returncode == 0:
            return found.stdout.strip()
    raise NoHistory(f"git holds neither {tag} nor {RELEASES[tag]} here: fetch the whole history")
