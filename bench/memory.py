"""Memory of each process of a stack at rest: PSS, so that shared pages count once."""

from pathlib import Path


def pss(pid: int) -> int:
    """Proportional set size of a process in bytes, 0 when it is gone."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += (int(child) for child in children.read_text().split())
    return found


def tree(pid: int) -> int:
    """PSS of a process with its descendants, in bytes."""
    return sum(pss(one) for one in family(pid))
