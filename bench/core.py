"""``make bench-core``: the targets of the core, ours beside the bare thing, in one run."""

import argparse
import asyncio
import io
import os
import sys
import tempfile
import wave
from pathlib import Path

from bench import commits, handoff, memory, pipeline, projector
from bench.report import Row, show
from infra.local.options import Options
from infra.local.stack import Stack

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "samples" / "sense_and_sensibility.flac"
REST_S = 8.0


async def whole(jobs: int, rounds: int) -> list[list[Row]]:
    """What needs a stack with real engines: memory at rest, hand-off, pipeline."""
    with tempfile.TemporaryDirectory(prefix="dalston-bench-") as home:
        options = Options(
            home=Path(home),
            environ={**os.environ, "DALSTON_PREWARM": "0"},
            environments=ROOT / ".dalston" / "envs",
        )
        async with Stack(options) as stack:
            await asyncio.sleep(REST_S)
            rest = _memory(stack)
            url, python = stack.running.web.url, stack.running.engines["faster_whisper"].python
            await pipeline.measure(url, python, SAMPLE, 1)  # everything warm from here on
            spans = await handoff.measure(stack.settings, url, _clip(), jobs)
            walls = await pipeline.measure(url, python, SAMPLE, rounds)
            return [rest, spans, walls]


def _memory(stack: Stack) -> list[Row]:
    running = stack.running
    parts = {
        "valkey": running.valkey, "postgres": running.postgres, "s3": running.s3,
        "projector": running.projector, "web": running.web, **running.engines,
    }  # fmt: skip
    used = {name: memory.tree(part.pid or 0) / 1e6 for name, part in parts.items()}
    rows = [Row(f"memory at rest, {name}", f"{size:.0f} MB") for name, size in used.items()]
    total = sum(used.values())
    return [*rows, Row("… all of them (PSS)", f"{total:.0f} MB", "under 400 MB", total < 400)]


def _clip() -> bytes:
    """A second of silence: engines do all of their duties and next to no work."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(32_000))
    return buffer.getvalue()


def main() -> int:
    """Run all, or what is named; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100, help="short jobs for the hand-off")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of pipeline and bare library")
    arguments = parser.parse_args()
    rest, spans, walls = asyncio.run(whole(arguments.jobs, arguments.rounds))
    good = [
        show("Memory at rest, models not loaded", rest),
        show("Task hand-off, appendfsync always", spans),
        show("Pipeline on the sample", walls),
        show("Commits", asyncio.run(commits.measure())),
        show("Projector", asyncio.run(projector.measure())),
    ]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
