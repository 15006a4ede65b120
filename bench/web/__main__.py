"""``make bench-web``: from a commit to thousands of sockets, beside a bare broadcast, and beside
readers that read nothing. The best of some rounds counts; exit status 1: a target was missed."""

import argparse
import sys
import time

import uvloop

from bench import report
from bench.report import Row, place
from bench.web.measure import Load, Round, measure

P99_MS = 50.0
EACH = 40_000
"""Bytes of the web process, a socket."""
GROWN, GROWN_MS = 1.5, 10.0
"""By how much slow readers may seem to delay the others: timings of one server differ as much."""


def rows(load: Load, rounds: list[Round]) -> list[Row]:
    """The answer: times of the best round, faults of all."""
    ours = min((one.ours for one in rounds), key=lambda one: one.marks.p99)
    bare = min((one.bare for one in rounds), key=lambda one: one.marks.p99)
    beside = min((one.beside for one in rounds), key=lambda one: one.marks.p99)
    # Only the first round takes fresh memory; later ones get back what it gave back.
    each, bare_each = rounds[0].ours_each, rounds[0].bare_each
    grown = beside.marks.p99 / ours.marks.p99
    exact = all(one.ours.exact and one.beside.exact for one in rounds)
    p99s = ", ".join(f"{one.ours.marks.p99:.1f}" for one in rounds)
    slow = [one.slow for one in rounds]
    told = sum(one.fell for one in slow), sum(one.caught_up for one in slow)
    count = sum(one.count for one in slow)
    lost = sum(one.doubled for one in slow), sum(one.missed for one in slow)
    return [
        Row("sockets", f"{load.sockets:,} on {load.jobs:,} jobs, joined in "
            f"{rounds[0].joined_s:.1f} s"),
        Row("events", f"{load.rate:g} a second for {load.seconds:g} s, {load.rounds} rounds"),
        Row("a commit alone, as its caller sees it", str(ours.commits)),
        *ours.rows("web, best round"),
        Row("… p99 of each round", f"{p99s} ms", f"best at most {P99_MS:g} ms",
            ours.marks.p99 <= P99_MS),
        Row("… all rounds: doubled, missed, out of order", "none" if exact else "some", "none",
            exact),
        Row("… memory a socket", f"{each / 1e3:.1f} kB", f"at most {EACH / 1e3:.0f} kB",
            each <= EACH),
        *(Row(row.what, row.value) for row in bare.rows("bare broadcast, best round")),
        Row("… memory a socket", f"{bare_each / 1e3:.1f} kB"),
        Row("web to bare", f"p50 {ours.marks.p50 / bare.marks.p50:.2f}, p99 "
            f"{ours.marks.p99 / bare.marks.p99:.2f}, processor {ours.busy / bare.busy:.2f}, "
            f"memory {each / bare_each:.2f} times"),
        *beside.rows(f"web beside {load.slow} that read nothing, best round"),
        Row("… p99 to that without them", f"{grown:.2f} times",
            f"at most {GROWN:g}, or {GROWN_MS:g} ms more",
            grown <= GROWN or beside.marks.p99 <= ours.marks.p99 + GROWN_MS),
        Row("… the others that fell behind", str(sum(one.beside.fell for one in rounds)), "0",
            not any(one.beside.fell for one in rounds)),
        Row("the slow: told fell_behind, then caught_up", f"{told[0]}, {told[1]} of {count}",
            "each, both", told[0] == told[1] >= count),
        Row("… in the end doubled, missed", f"{lost[0]}, {lost[1]}", "0, 0", lost == (0, 0)),
    ]  # fmt: skip


def main() -> int:
    """Measure and print; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.web", description=__doc__)
    add = parser.add_argument
    add("--sockets", type=int, default=2000, help="on one web process (%(default)s)")
    add("--jobs", type=int, default=200, help="that they follow (%(default)s)")
    add("--rate", type=float, default=100.0, help="events a second of all jobs (%(default)s)")
    add("--seconds", type=float, default=15.0, help="of each phase (%(default)s)")
    add("--rounds", type=int, default=3, help="of which the best counts (%(default)s)")
    add("--slow", type=int, default=50, help="readers that read nothing (%(default)s)")
    load, began = Load(**vars(parser.parse_args())), time.monotonic()
    found = rows(load, uvloop.run(measure(load)))
    title = f"{load.sockets:,} sockets on one web process ({place(time.monotonic() - began)})"
    sys.stdout.write(report.markdown(title, found))
    return 0 if all(row.ok is not False for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
