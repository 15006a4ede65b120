"""``make bench-load``: much more than a stack is built for. All parts, or those that are named:

\b
jobs        many jobs through a whole stack with echo engines: the rate, and that nothing grows
fairness    a tenant floods the stack, another one sends a single job
heartbeats  a thousand replicas of engines that have nothing to do
sockets     thousands of websockets on one web process
long        hours of audio through the real engines
uploads     large files at once
"""

import argparse
import inspect
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from bench import report
from bench.load import fairness, heartbeats, jobs, long, sockets, uploads
from bench.report import Row, place

Part = Callable[[argparse.Namespace], Awaitable[list[Row]]]
PARTS: dict[str, tuple[str, Part]] = {
    "jobs": (
        "Jobs through a whole stack, {replicas} of each echo engine",
        lambda a: jobs.run(
            jobs.Load(
                a.jobs, a.replicas, a.under_way, a.every, a.minutes_at_most, a.home, a.samples
            )
        ),
    ),
    "fairness": (
        "One tenant sends {flood:,} jobs, then another one sends one",
        lambda a: fairness.run(fairness.Fairness(a.flood, a.replicas, a.home)),
    ),
    "heartbeats": (
        "{engines:,} idle replicas of engines",
        lambda a: heartbeats.run(heartbeats.Heartbeats(a.engines, a.seconds, a.home)),
    ),
    "sockets": (
        "{sockets:,} websockets on one web process",
        lambda a: sockets.run(sockets.Sockets(a.sockets, a.rate, a.seconds, a.home)),
    ),
    "long": (
        "{minutes:g} minutes of audio through the real engines",
        lambda a: long.run(long.Long(a.minutes, a.home)),
    ),
    "uploads": (
        "{uploads} uploads of {megabytes:,} MB at once",
        lambda a: uploads.run(uploads.Uploads(a.uploads, a.megabytes * 10**6, a.home)),
    ),
}


def parser() -> argparse.ArgumentParser:
    """The command line; its help says what a full run takes."""
    found = argparse.ArgumentParser(
        prog="python -m bench.load",
        description=inspect.cleandoc(__doc__).replace("\b\n", ""),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = found.add_argument
    add("parts", nargs="*", metavar="PART", help="parts to run; all of them when none is named")
    add("--jobs", type=int, default=3000, help="jobs: how many in all (%(default)s)")
    add("--replicas", type=int, default=1, help="jobs, fairness: of each engine (%(default)s)")
    add("--under-way", type=int, default=300, help="jobs: at most at one time (%(default)s)")
    add("--every", type=float, default=10.0, help="jobs: seconds between lines (%(default)s)")
    add(
        "--minutes-at-most",
        type=float,
        default=0.0,
        help="jobs: send no more after so long; the same --home goes on from there (0: all)",
    )
    add("--samples", type=Path, help="jobs: a file for every sample, a JSON line each")
    add("--flood", type=int, default=10_000, help="fairness: jobs of one tenant (%(default)s)")
    add("--engines", type=int, default=1000, help="heartbeats: replicas (%(default)s)")
    add("--sockets", type=int, default=5000, help="sockets: how many (%(default)s)")
    add("--rate", type=float, default=50.0, help="sockets: events a second (%(default)s)")
    add("--seconds", type=float, default=20.0, help="heartbeats, sockets: how long (%(default)s)")
    add("--minutes", type=float, default=300.0, help="long: of audio (%(default)s)")
    add("--uploads", type=int, default=20, help="uploads: how many (%(default)s)")
    add("--megabytes", type=int, default=1000, help="uploads: of each (%(default)s)")
    add("--home", type=Path, help="keep the stack's state here; a part that is cut off goes on")
    return found


def main() -> int:
    """Run the parts one after another; 1 when one missed a target or broke."""
    arguments = parser().parse_args()
    if unknown := [name for name in arguments.parts if name not in PARTS]:
        parser().error(f"no part {unknown[0]!r}; there are: {', '.join(PARTS)}")
    good = True
    for name in arguments.parts or PARTS:
        title, part = PARTS[name]
        began = time.monotonic()
        rows = uvloop.run(_run(part, arguments))
        title = title.format(**vars(arguments))
        sys.stdout.write(report.markdown(f"{title} ({place(time.monotonic() - began)})", rows))
        sys.stdout.flush()
        good &= all(row.ok is not False for row in rows)
    return 0 if good else 1


async def _run(part: Part, arguments: argparse.Namespace) -> list[Row]:
    return await part(arguments)


if __name__ == "__main__":
    sys.exit(main())
