"""What the samples of a long run say: how fast it was, and whether anything grew. Pure."""

import time
from collections.abc import Sequence
from statistics import median

from bench.load.gauges import TABLES, Sample
from bench.report import Row
from projector.ended import KEPT_S

JUDGED_S = 3 * KEPT_S
"""How long a run must last to show what is flat: states of ended jobs are kept for a while."""
BOUNDED = {
    "valkey used": (16e6, 1e6), "valkey disk": (160e6, 1e6), "valkey keys": (2000, 1),
    "valkey clients": (8, 1), "log entries": (2000, 1), "lag fold": (2000, 1),
    "lag index": (6000, 1), "logs": (1e6, 1e6),
}  # fmt: skip
"""What may not grow besides each process's memory and descriptors: slack, and unit."""
MEMORY, DESCRIPTORS = (12e6, 1e6), (12, 1)
POSTGRES = (192e6, 1e6)
"""Its shared buffers of 128 MB fill up, and what each connection has of them counts once."""
SHARE = 0.1
"""By so much a gauge may be higher at the end than half way; or by its slack."""


def speed(samples: Sequence[Sample]) -> list[Row]:
    """Jobs and events a second, early and late, and what each process took of the machine."""
    first, last = samples[0], samples[-1]
    seconds = last.at - first.at
    jobs, events = last.jobs - first.jobs, last.events - first.events
    rows = [
        Row("jobs ended", f"{jobs:,} in {seconds:,.0f} s, {jobs / seconds:.1f} jobs/s"),
        Row("events", f"{events:,}, {events / seconds:,.0f} events/s"),
    ]
    if len(samples) > 10:
        early, late = samples[1], samples[-2]
        third = samples[len(samples) // 3], samples[-len(samples) // 3]
        value = f"{rate(early, third[0]):.1f}, {rate(third[1], late):.1f} jobs/s"
        rows.append(Row("… in the first third, in the last", value))
    used = {
        name.removeprefix("cpu "): (last.values[name] - first.values[name]) / max(1, jobs) * 1000
        for name in last.values
        if name.startswith("cpu ")
    }
    told = ", ".join(f"{name} {ms:.1f}" for name, ms in used.items())
    rows.append(Row(f"processor: {sum(used.values()):.0f} ms a job", told))
    return rows


def rate(one: Sample, other: Sample) -> float:
    """Jobs a second between two moments."""
    return (other.jobs - one.jobs) / max(other.at - one.at, 0.001)


def flat(samples: Sequence[Sample]) -> list[Row]:
    """What may not grow: half way beside the end."""
    names = samples[-1].values
    rows = [
        bounded(samples, name, POSTGRES if name == "memory postgres" else MEMORY)
        for name in names
        if name.startswith("memory ")
    ]
    rows += [
        bounded(samples, name, DESCRIPTORS) for name in names if name.startswith("descriptors ")
    ]
    return rows + [bounded(samples, name, limits) for name, limits in BOUNDED.items()]


def bounded(samples: Sequence[Sample], gauge: str, limits: tuple[float, float]) -> Row:
    """One gauge: medians of a fifth of the samples each, so that one spike says nothing."""
    slack, unit = limits
    middle, end = around(samples, gauge)
    kind = " MB" if unit > 1 else ""
    value = f"{middle / unit:,.0f} half way, {end / unit:,.0f} at the end{kind}"
    if samples[-1].at - samples[0].at < JUDGED_S:
        return Row(gauge, value, f"(judged after {JUDGED_S / 60:.0f} minutes)")
    return Row(gauge, value, "flat", end - middle <= max(SHARE * middle, slack))


def around(samples: Sequence[Sample], gauge: str) -> tuple[float, float]:
    """What a gauge showed about the middle of a run, and at its end."""
    values = [sample.values[gauge] for sample in samples if gauge in sample.values]
    width = max(1, len(values) // 5)
    start = (len(values) - width) // 2
    return median(values[start : start + width]), median(values[-width:])


def linear(samples: Sequence[Sample]) -> list[Row]:
    """What is kept of each job for ever: over the whole run, and over its second half."""
    rows = []
    for gauge in ("database", *(f"table {table}" for table in TABLES)):
        whole = each(samples, gauge)
        late = each(samples[len(samples) // 2 :], gauge)
        rows.append(Row(f"Postgres, {gauge}", f"{whole:,.0f} bytes a job, of late {late:,.0f}"))
    return rows


def each(samples: Sequence[Sample], gauge: str) -> float:
    """By how much a gauge grew with each job."""
    first, last = samples[0], samples[-1]
    return (last.values[gauge] - first.values[gauge]) / max(1, last.jobs - first.jobs)


def stored(count: int, size: int, jobs: int) -> Row:
    """What the object store keeps of each job."""
    return Row("objects", f"{count / jobs:.1f} a job, {size / jobs:,.0f} bytes on disk a job")


def line(samples: Sequence[Sample]) -> str:
    """How things stand, for one who watches."""
    before, last = samples[-2:]
    seconds = max(last.at - before.at, 0.001)
    of = last.values
    sizes = " ".join(
        f"{name.removeprefix('memory ')} {value / 1e6:.0f}"
        for name, value in of.items()
        if name.startswith("memory ")
    )
    parts = (
        f"{time.strftime('%H:%M:%S')} {last.at:6.0f} s {last.jobs:7,} jobs",
        f"{rate(before, last):5.1f} jobs/s {(last.events - before.events) / seconds:5.0f} events/s",
        f"under way {of['live jobs']:.0f} lag {of['lag fold']:.0f}/{of['lag index']:.0f}",
        f"log {of['log entries']:.0f} keys {of['valkey keys']:.0f}",
        f"MB: valkey {of['valkey used'] / 1e6:.0f} its disk {of['valkey disk'] / 1e6:.0f}",
        f"database {of['database'] / 1e6:.0f}; processes {sizes}",
    )
    return " | ".join(parts)
