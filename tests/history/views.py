"""Every golden history as the page sees it: ``python -m tests.history.views OUT.json``.

For each release, and for what the next one would leave: its events as CloudEvents, and after each
of them the view of its job, which the page's own fold (web/ui/src/fold.ts) is held equal to.
"""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from streams.cloudevents import cloud_event
from streams.events import Event
from streams.job import Job, evolve
from tests.history.make import tell
from tests.history.test_history import RELEASES, read
from web.views import JobView, job_view


def told(events: Iterable[Event]) -> list[dict[str, Any]]:
    """A history as steps: an event, and the view of its job after it (None: it is no job's)."""
    jobs: dict[str, Job | None] = {}
    steps = []
    for event in events:
        job = jobs[event.job] = evolve(jobs.get(event.job), event)
        view: JobView | None = job_view(job) if job else None
        steps.append({"event": cloud_event(event), "view": view})
    return steps


def main(out: Path) -> None:
    """Write them all."""
    histories = {path.stem: told(read(path)[0]) for path in RELEASES}
    histories["next"] = told(asyncio.run(tell()))
    out.write_bytes(msgspec.json.encode(histories))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
