"""``python -m infra.isolation [ENVIRONMENTS]``: why engines are kept apart, and that they are.

First what the resolver says of each pair of engines; then, for every image that is built (with a
Docker engine) and every environment that is, whether it holds another engine's library. The exit
status is 1 if one does. Nothing is remembered from run to run. Folder of the environments:
$DALSTON_ENVS, else envs/ in $DALSTON_HOME.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from infra.isolation import conflicts, contents
from infra.local.environment import ROOT


def main(environments: Path) -> int:
    """Print it all; 1 when something is where it does not belong, else 0."""
    engines = sorted(path.parent for path in ROOT.glob("engines/*/requirements.lock"))
    _tell_pairs([folder for folder in engines if contents.LIBRARIES.get(folder.name, "one")])
    found = 0
    held: dict[str, Callable[[str], list[str]]] = {
        "environment": lambda name: contents.of_environment(environments / name)
    }
    if contents.has_docker():
        held["image"] = contents.of_image
        held["CUDA image"] = lambda name: contents.of_image(name, "cuda")
    else:
        print("SKIPPED the images: no Docker engine answers")
    for kind, packages_of in held.items():
        for folder in engines:
            if kind == "CUDA image" and not (folder / "requirements-gpu.lock").exists():
                continue
            found += _tell_contents(kind, folder.name, packages_of(folder.name))
    return 1 if found else 0


def _tell_pairs(folders: list[Path]) -> None:
    try:
        *pairs, everybody = conflicts.groups(folders)
    except conflicts.Unreachable as error:
        print(f"SKIPPED the resolver's evidence: {error}")
        return
    for folder in folders:
        if forced := [line for line in conflicts.overrides(folder).values() if "==" in line]:
            print(f"{folder.name}: asked for without what we force on it: {', '.join(forced)}")
    for pair in pairs:
        print(f"{' + '.join(pair.names)}: {_verdict(pair)}")
    apart = [pair for pair in pairs if pair.why]
    moved = [pair for pair in pairs if pair.dragged]
    print(f"{len(pairs)} pairs: {len(apart)} contradict each other, {len(moved)} fit only with "
          f"other versions than alone, {len(pairs) - len(apart) - len(moved)} fit")  # fmt: skip
    print(f"all together: {_verdict(everybody)}")


def _verdict(group: conflicts.Group) -> str:
    if group.why:
        return f"NO: {group.why}"
    if group.dragged:
        return "only with " + ", ".join(
            f"{package} {together} instead of {alone}" for package, alone, together in group.dragged
        )
    return "fits"


def _tell_contents(kind: str, name: str, packages: list[str]) -> bool:
    """Whether something is wrong, which is said."""
    others = contents.strangers(name, packages)
    if not packages:
        print(f"SKIPPED {kind} {name}: not built")
    elif others:
        print(f"{kind} {name}: WRONG, holds {', '.join(others)} of another engine")
    else:
        print(f"{kind} {name}: {len(packages)} packages, no other engine's library")
    return bool(others)


if __name__ == "__main__":
    home = Path(os.environ.get("DALSTON_HOME") or ".dalston")
    place = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("DALSTON_ENVS")
    sys.exit(main(Path(place) if place else home / "envs"))
