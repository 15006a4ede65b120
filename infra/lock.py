"""`python -m infra.lock UV`: pin the requirements of every engine again, newest that fit.

Each lock has hashes and no addresses. An engine's environment gets just what its lock names, so
what a library would pull in besides is left out by `requirements-overrides.txt`.
"""

import argparse
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from infra.local import environment
from infra.local.errors import EnvironmentFailed

ROOT = Path(__file__).parents[1]
COMPILE = (
    "pip", "compile", "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
    "--no-emit-index-url", "--no-annotate", "--no-header", "--upgrade",
)  # fmt: skip
CPU_WHEELS = {
    "2.13.0": "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
}
"""Version of torch → the sha256 of its wheel for CPUs (Linux, x86-64, Python 3.11).

The ordinary wheel of the same version needs gigabytes of CUDA's libraries to be imported; where an
installer sees both, hashes are all that tells it which one is meant.
"""
_TORCH = re.compile(r"^(torch==([0-9.]+)) \\\n(?:    --hash=\S+(?: \\)?\n)+", re.MULTILINE)


def main() -> None:
    """Lock all engines, or those that are named."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("uv", help="the uv to use")
    parser.add_argument("engines", nargs="*", help="their names; all without any")
    args = parser.parse_args()
    try:
        engines([args.uv], args.engines)
    except EnvironmentFailed as error:
        parser.error(str(error))


def engines(uv: Sequence[str], names: Sequence[str]) -> None:
    """Write the locks of these engines, of all without any name.

    Raises:
        EnvironmentFailed: there is no such engine, or no set of versions that fits it.
    """
    folders = [environment.of_engine(name, ROOT).folder for name in names or environment.engines()]
    for folder in folders:
        for source in ("requirements", "requirements-gpu"):
            if (folder / f"{source}.in").exists():
                lock(uv, folder, source)


def lock(uv: Sequence[str], folder: Path, source: str) -> None:
    """Write SOURCE.lock from SOURCE.in, with SOURCE-overrides.txt where there is one."""
    target, overrides = folder / f"{source}.lock", folder / f"{source}-overrides.txt"
    more = ["--overrides", str(overrides)] if overrides.exists() else []
    print(target.relative_to(ROOT), flush=True)
    done = subprocess.run(
        [*uv, *COMPILE, str(folder / f"{source}.in"), *more, "-o", target], check=False
    )
    if done.returncode:
        raise EnvironmentFailed(f"{folder / source}.in cannot be locked: uv says why above")
    if source == "requirements":
        target.write_text(for_cpu(target.read_text()))


def for_cpu(text: str) -> str:
    """A lock in which torch can only be the wheel for CPUs.

    Raises:
        KeyError: that version's wheel is not known; add its hash to CPU_WHEELS.
    """
    return _TORCH.sub(lambda m: f"{m[1]} \\\n    --hash=sha256:{CPU_WHEELS[m[2]]}\n", text)


if __name__ == "__main__":
    main()
