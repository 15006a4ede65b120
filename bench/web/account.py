"""What a phase of the measurement came to, and its lines in the answer."""

import os
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from bench.report import Row
from bench.web.clients import Heard

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Marks:
    """Milliseconds."""

    p50: float
    p95: float
    p99: float
    most: float

    @classmethod
    def of(cls, spans: list[float]) -> "Marks":
        """Of at least two."""
        cuts = quantiles(spans, n=100)
        return cls(cuts[49], cuts[94], cuts[98], max(spans))

    def __str__(self) -> str:
        return (
            f"p50 {self.p50:.1f} ms, p95 {self.p95:.1f} ms, p99 {self.p99:.1f} ms, "
            f"most {self.most:.1f} ms"
        )


@dataclass(frozen=True)
class Phase:
    """Messages that came of those that should have; ``wrong``: doubled, missed, cut off.

    busy: the share of a processor that the server took; listening: that each client process took.
    """

    marks: Marks
    commits: Marks
    came: int
    wanted: int
    doubled: int
    missed: int
    closed: int
    fell: int
    busy: float
    listening: list[float]

    @property
    def exact(self) -> bool:
        """Each socket got each event once, in order."""
        return self.came == self.wanted and not (self.doubled or self.missed or self.closed)

    def rows(self, who: str) -> list[Row]:
        """All of it."""
        wrong = f"{self.doubled} doubled, {self.missed} missed, {self.closed} closed"
        return [
            Row(f"{who}: commit to socket", str(self.marks)),
            Row(f"{who}: messages", f"{self.came:,} of {self.wanted:,}; {wrong}", "0", self.exact),
            Row(f"{who}: processor", f"{self.busy:.0%} of one; each client process "
                + ", ".join(f"{one:.0%}" for one in self.listening)),
        ]  # fmt: skip


def phase(
    heard: list[Heard],
    commits: list[float],
    *,
    stood: dict[str, int],
    stands: dict[str, int],
    busy: float,
    seconds: float,
) -> Phase:
    """Reckon up: ``stood`` and ``stands`` are the revs of the jobs before and after."""
    at = [place for one in heard for place in one.at]
    behind = sum(max(0, stands[job] - rev) for job, rev in at)
    spans = [ms for one in heard for ms in one.spans]
    return Phase(
        marks=Marks.of(spans),
        commits=Marks.of(commits),
        came=len(spans),
        wanted=sum(stands[job] - stood[job] for job, _ in at),
        doubled=sum(one.doubled for one in heard),
        missed=behind + sum(one.missed for one in heard),
        closed=sum(one.closed for one in heard),
        fell=sum(one.fell for one in heard),
        busy=busy / seconds,
        listening=[one.busy_s / seconds for one in heard],
    )


def processor(pid: int) -> float:
    """Seconds of processor that a process took so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
