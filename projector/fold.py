"""Rows of the log and states before → states after: pure, the same live and when rebuilding."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from projector.rows import Row, event
from streams.events import FACTS, Unknown
from streams.job import Job, evolve, schema_of

NO_JOB = ("engine.", "log.", "model.", "session.")
"""Types whose aggregate is not a job: archived, never folded into one."""
TURN = 100
"""Events folded at a stretch: about a millisecond."""


class Changes(msgspec.Struct):
    """What a batch did: each touched job before and after, and what could not be folded."""

    before: dict[str, Job | None]
    after: dict[str, Job]
    unknown: Counter[str] = msgspec.field(default_factory=Counter)
    last_unknown: dict[str, int] = {}
    errors: list[str] = []

    def skip(self, row: Row) -> None:
        """Count an event that is not folded."""
        self.unknown[row.type] += 1
        self.last_unknown[row.type] = row.seq


def needed(rows: Iterable[Row], known: Mapping[str, Job]) -> set[str]:
    """Ids of the jobs whose state must be loaded before the rows can be folded."""
    missing, fresh = set(), set()
    for row in rows:
        if row.rev == 1:
            fresh.add(row.job)
        if row.job not in known and row.job not in fresh and not row.type.startswith(NO_JOB):
            missing.add(row.job)
    return missing


def holds(jobs: Iterable[Job]) -> int:
    """The lowest schema whose projectors lose nothing of these states, erased ones not counted."""
    return max((schema_of(job) for job in jobs if not job.erased), default=1)


async def fold_in_turns(rows: Sequence[Row], known: Mapping[str, Job]) -> Changes:
    """As `fold`, but let others run between: the batch before is on its way to Postgres."""
    changes = Changes({}, {})
    for start in range(0, len(rows), TURN):
        fold_on(changes, rows[start : start + TURN], known)
        await asyncio.sleep(0)
    return changes


def fold(rows: Iterable[Row], known: Mapping[str, Job]) -> Changes:
    """Apply rows in order to the states in ``known``, which stays as it is."""
    changes = Changes({}, {})
    fold_on(changes, rows, known)
    return changes


def fold_on(changes: Changes, rows: Iterable[Row], known: Mapping[str, Job]) -> None:
    """Add rows to what was folded before.

    An event that cannot be folded must not stop all others: it is skipped and counted.
    """
    after = changes.after
    for row in rows:
        if row.type.startswith(NO_JOB):
            if row.type not in FACTS:
                changes.skip(row)
            continue
        job = after.get(row.job)
        if job is None:
            job = changes.before.setdefault(row.job, known.get(row.job))
        try:
            told = event(row)
            job = evolve(job, told)
        except (msgspec.MsgspecError, LookupError, ValueError, TypeError) as error:
            changes.skip(row)
            changes.errors.append(f"event {row.seq} ({row.type}) cannot be folded: {error!r}")
            continue
        if type(told.fact) is Unknown:
            changes.skip(row)
            if row.type in FACTS:
                changes.errors.append(f"event {row.seq} ({row.type}) has values of a later version")
            if job is None:  # of an aggregate that we do not know either
                continue
        if job is None:
            changes.errors.append(f"event {row.seq} ({row.type}) is of a job that never began")
            continue
        after[row.job] = job
