"""May two engines live in one environment? What uv's resolver says of each pair, in its words."""

import re
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

COMPILE = (
    *(sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--color", "never"),
    *("--no-header", "--no-annotate", "--python-version", "3.11"),
)
TIMEOUT_S = 600
AT_ONCE = 4
REQUIREMENT = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?(?:==([^ ;]+))?")
CONTRADICTION = "No solution found"
OFFLINE = "network was disabled"
BECAUSE = re.compile(r"(?:Because|And because) (.*?), we can conclude")
GIVEN = re.compile(r"(?:^|;? and |; )you require ([^ ;]+)(?: and ([^ ;]+))?(?=;|$)")
OF_TORCH = ("cuda-", "nvidia-", "triton")
"""What comes with each torch: telling torch's version tells theirs."""


class Unreachable(Exception):
    """The registry cannot be asked; uv's words."""


class Group(NamedTuple):
    """Two engines or all, and what came of asking for them together.

    why: the resolver's reason if they contradict each other.
    dragged: package, version that one of them gets alone, version that all together get.
    """

    names: tuple[str, ...]
    why: str | None
    dragged: tuple[tuple[str, str, str], ...] = ()


def normal(name: str) -> str:
    """The name of a package as the registry compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(text: str) -> dict[str, str]:
    """The lines of a requirements file that ask for a package, by package."""
    lines = (line.partition(" #")[0].strip() for line in text.splitlines())
    return {normal(found[1]): line for line in lines if (found := REQUIREMENT.match(line))}


def overrides(folder: Path) -> dict[str, str]:
    """What an engine's lock was made with against the word of its libraries, by package."""
    found: dict[str, str] = {}
    for path in folder.glob("requirements*overrides.txt"):
        found |= requirements(path.read_text())
    return found


def wanted(folder: Path) -> list[str]:
    """What an engine and its libraries want by themselves: without our overrides."""
    kit = requirements((folder.parent / "sdk" / "requirements.in").read_text())
    own = requirements((folder / "requirements.in").read_text())
    forced = overrides(folder)
    return [line for name, line in (kit | own).items() if name not in forced]


def versions(compiled: str) -> dict[str, str]:
    """Package → version, of what the resolver chose."""
    found = (REQUIREMENT.match(line) for line in compiled.splitlines())
    return {normal(each[1]): each[2] for each in found if each and each[2]}


def one_line(said: str) -> str:
    """What uv said, without the frame that it draws around it."""
    return " ".join(re.sub(r"^\W+", "", line) for line in said.splitlines()).strip()


def reason(said: str) -> str:
    """Why there is no solution: the grounds of the resolver's conclusions, without what is given.

    Raises:
        Unreachable: it did not get as far as a conclusion.
    """
    text = one_line(said)
    if CONTRADICTION not in text or OFFLINE in text:
        raise Unreachable(text or "uv said nothing")
    grounds = "; ".join(BECAUSE.findall(text))

    def news(given: re.Match[str]) -> str:
        """Nothing, where a requirement is said to be one after it was said what it depends on."""
        known = all(f"{each} depends on" in grounds for each in given.groups() if each)
        return "" if known else given[0]

    return GIVEN.sub(news, grounds) or text


def dragged(
    alone: Iterable[Mapping[str, str]], together: Mapping[str, str]
) -> tuple[tuple[str, str, str], ...]:
    """The packages that one of them gets in another version when it has to share."""
    found = {
        (package, version, together[package])
        for one in alone
        for package, version in one.items()
        if together.get(package, version) != version and not package.startswith(OF_TORCH)
    }
    return tuple(sorted(found))


def resolved(lines: Iterable[str]) -> subprocess.CompletedProcess[str]:
    """Ask uv for all the lines at once: what it chooses is printed, what it says is kept."""
    try:
        return subprocess.run(COMPILE, input="\n".join(lines), capture_output=True, text=True,
                              check=False, timeout=TIMEOUT_S)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Unreachable(f"no answer from the resolver in {TIMEOUT_S} s") from None


def groups(folders: Sequence[Path]) -> list[Group]:
    """Every pair of engines, then all of them; each alone and together, the same asked once.

    Raises:
        Unreachable: the registry cannot be asked, or an engine's own libraries have no solution.
    """
    asked = {folder.name: frozenset(wanted(folder)) for folder in folders}
    names = [*combinations(sorted(asked), 2), tuple(sorted(asked))]
    together = [frozenset().union(*(asked[name] for name in each)) for each in names]
    sets = {*asked.values(), *together}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = dict(zip(sets, pool.map(resolved, sets), strict=True))
    alone = {name: _alone(name, answers[lines]) for name, lines in asked.items()}
    found = []
    for each, lines in zip(names, together, strict=True):
        done = answers[lines]
        if done.returncode:
            found.append(Group(each, reason(done.stderr)))
        else:
            moved = dragged((alone[name] for name in each), versions(done.stdout))
            found.append(Group(each, None, moved))
    return found


def _alone(name: str, done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    if done.returncode:
        raise Unreachable(f"{name} alone: {one_line(done.stderr)}")
    return versions(done.stdout)
