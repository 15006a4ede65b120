"""The fold, live: tail the log, and archive, fold and move the checkpoint in one transaction."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from projector import ended, metrics, store
from projector.checkpoints import begin, move, unclaimed
from projector.continuity import broken
from projector.database import raw
from projector.errors import CheckpointMoved, FoldedByNewer, LogDiverged
from projector.fold import TURN, Changes, fold_in_turns, holds, needed
from projector.mute import begun
from projector.queries import FOLD, Checkpoint, checkpoint
from projector.rows import Row, parse, position
from streams import barrier, tasks
from streams.job import Job
from streams.keys import Keys
from streams.log import Log
from streams.settings import Settings

logger = logging.getLogger(__name__)

BATCH = 2000
"""Events of one transaction at most; as few as there are when the fold keeps up."""
BATCH_BYTES = 4 * 1024 * 1024
BLOCK_MS = 1000
FEW, LINGER_S = 50, 0.01
"""So few events are waited on a moment for more: an event alone costs a transaction all the same,
and a stage's end wakes the next engine, which needs the processor now more than the fold does."""
COMMIT_S = 5.0
"""How long the batch in flight may take to commit when all else has ended."""
BARRIER_MS = 5000
CACHED = 4000
"""States of jobs under way that are kept in memory."""
TRIM_STEP = 500
"""Events by which the log outgrows its window before it is trimmed again."""
STAND_BACK_S = 0.5
"""How long a projector leaves the fold to the one that was faster."""
BACKOFF_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Worker:
    """One partition's fold. Any number may run: the checkpoint lets one batch in at a time."""

    def __init__(
        self,
        settings: Settings,
        database: AsyncEngine,
        redis: Redis,
        *,
        recover: Callable[[str], Awaitable[None]],
    ) -> None:
        """``redis`` answers XREAD unparsed (see `tail`); ``recover`` mends a diverged log."""
        self._window = settings.log_window
        self._replicated = settings.profile == "ha"
        self._database = database
        self._redis = redis
        self._keys = Keys(settings.key_prefix, settings.partition)
        self._log = Log(redis, self._keys)
        self._recover = recover
        self._states: dict[str, Job] = {}
        self._trimmed = 0
        self._count = BATCH
        self.at = Checkpoint()
        self.advanced = asyncio.Event()
        self.trouble: str | None = "starting"

    async def run(self) -> None:
        """Fold for ever; an absence of Redis or Postgres is waited out, and nothing is lost.

        Raises:
            FoldedByNewer: this one is not to fold here any more.
        """
        failures = 0
        while True:
            try:
                await self._begin()
                failures = 0
                await self._follow()
            except CheckpointMoved as moved:
                logger.info("%s", moved)
                await asyncio.sleep(STAND_BACK_S)
            except FoldedByNewer:
                raise
            except LogDiverged as diverged:
                await self._mend(str(diverged))
            except Exception as error:  # noqa: BLE001 - the rim: a server is away, or a bug; go on
                metrics.FAILURES.labels("fold").inc()
                self.trouble = f"{type(error).__name__}: {error}"
                wait = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                failures += 1
                logger.warning("the fold stands still, again in %s s: %s", wait, self.trouble)
                await asyncio.sleep(wait)

    async def _begin(self) -> None:
        """Take the checkpoint from Postgres and forget all else."""
        self._states.clear()
        async with begun(self._database) as connection:
            await begin(connection, FOLD)
            await unclaimed(connection, FOLD)
            self.at = await checkpoint(connection)
        if reason := await broken(self._log, self.at):
            raise LogDiverged(reason)
        metrics.ARCHIVE.set(self.at.seq)
        self.trouble = None

    async def _mend(self, reason: str) -> None:
        metrics.DIVERGED.set(1)
        self.trouble = f"the log does not follow the archive: {reason}"
        try:
            await self._recover(reason)
            metrics.DIVERGED.set(0)
        except Exception as error:  # noqa: BLE001 - the rim: tried again from the start
            metrics.FAILURES.labels("recover").inc()
            logger.warning("recovery failed, again in a second: %r", error)
            await asyncio.sleep(1.0)

    async def _follow(self) -> None:
        """Read and fold one batch while the one before it commits."""
        commit: asyncio.Task[None] | None = None
        read_to = self.at
        try:
            while True:
                rows = await self._read(read_to)
                if not rows:
                    if commit:
                        await commit
                        commit = None
                    await self._check(read_to)
                    continue
                changes = await self._prepare(rows)
                if commit:
                    await commit
                commit = asyncio.create_task(self._commit(read_to, rows, changes))
                read_to = position(rows[-1])
        except LogDiverged:
            if commit:
                await commit  # what came before the break belongs to the archive
            raise
        finally:
            if commit:
                await asyncio.wait([commit], timeout=COMMIT_S)
                await tasks.end(commit)

    async def _read(self, after: Checkpoint) -> list[Row]:
        entries = await self._entries(after, BLOCK_MS)
        if 0 < len(entries) < FEW:
            await asyncio.sleep(LINGER_S)
            entries = await self._entries(after, None)
        if not entries:
            return []
        rows = await self._parse(entries, after)
        mean = sum(len(row.data) + len(row.meta) for row in rows) // len(rows) + 300
        self._count = max(20, min(BATCH, BATCH_BYTES // mean))
        return rows

    async def _entries(self, after: Checkpoint, block_ms: int | None) -> list[Any]:
        reply: Any = await self._redis.xread(
            {self._keys.log: f"{after.seq}-0"}, self._count, block_ms
        )
        return reply[0][1] if reply else []

    async def _parse(self, entries: list[Any], after: Checkpoint) -> list[Row]:
        """In turns, for the same reason as the fold."""
        rows: list[Row] = []
        for start in range(0, len(entries), TURN):
            part = entries[start : start + TURN]
            try:
                rows += parse(part, position(rows[-1]) if rows else after)
            except LogDiverged:
                if not rows:
                    raise
                break
            if len(rows) < start + len(part):
                break
            await asyncio.sleep(0)
        return rows

    async def _check(self, after: Checkpoint) -> None:
        """Nothing came: are the log and the archive where we think they are?"""
        async with begun(self._database) as connection:
            archived = await checkpoint(connection)
        if archived != after:  # put back to a backup, while no event would have told
            raise CheckpointMoved(f"the archive ends at event {archived.seq}, not at {after.seq}")
        head = await self._log.head()
        if head is not None and (head.seq, head.id) == (after.seq, after.id):
            return
        if reason := await broken(self._log, after):
            raise LogDiverged(reason)

    async def _prepare(self, rows: list[Row]) -> Changes:
        """Fold on the states as they will be: when the batch before fails, all is forgotten."""
        touched = {row.job for row in rows}
        known = {job_id: self._states[job_id] for job_id in touched if job_id in self._states}
        if missing := needed(rows, known):
            async with begun(self._database) as connection:
                known |= await store.load(await raw(connection), missing)
        changes = await fold_in_turns(rows, known)
        for job_id in changes.after:
            self._states.pop(job_id, None)  # so that the dict is in order of last use
        self._states.update(changes.after)
        for error in changes.errors:
            logger.error("%s; it is skipped, `dalston rebuild` folds it once it can be", error)
        return changes

    async def _commit(self, before: Checkpoint, rows: list[Row], changes: Changes) -> None:
        to = position(rows[-1])
        async with begun(self._database) as connection:
            await move(connection, FOLD, before, to, holds(changes.after.values()))
            driver = await raw(connection)
            await store.archive(driver, rows)
            await store.save(driver, changes)
            if self._replicated:
                await self._barrier(to)
        self._committed(to, rows, changes)
        await ended.let_go(self._redis, self._keys, changes.after.values())
        await self._trim()

    def _committed(self, to: Checkpoint, rows: list[Row], changes: Changes) -> None:
        self.at = to
        self.advanced.set()
        metrics.FOLDED.inc(len(rows))
        metrics.BATCHES.inc()
        metrics.ARCHIVE.set(to.seq)
        for type_, count in changes.unknown.items():
            metrics.UNKNOWN.labels(type_).inc(count)
        for job_id, job in changes.after.items():
            # A job that has ended is hardly touched again; one that went on is in the next batch.
            if job.terminal and self._states.get(job_id) is job:
                del self._states[job_id]
        while len(self._states) > CACHED:  # over BATCH: what is in flight is never among them
            del self._states[next(iter(self._states))]

    async def _barrier(self, to: Checkpoint) -> None:
        """Wait until a replica has what we read.

        Asked of the server that the barrier stands on: it may have become another one since we
        read, and what only the old primary had is nothing to archive.
        """
        pipe = self._redis.pipeline(transaction=False)
        pipe.xrange(self._keys.log, f"{to.seq}-0", f"{to.seq}-0")
        barrier.put(pipe, barrier.key(self._keys), BARRIER_MS)
        entries, written, replicas = await pipe.execute()
        barrier.passed(written, replicas)
        if not entries or entries[0][1].get(b"id", b"").decode() != to.id:
            raise LogDiverged(f"event {to.seq} was read, but is not in the log (any more)")

    async def _trim(self) -> None:
        below = self.at.seq - self._window + 1
        if below - self._trimmed >= TRIM_STEP or (self._trimmed == 0 and below > 1):
            await self._log.trim(below)
            self._trimmed = below

    async def lag(self) -> tuple[int, float]:
        """Events not folded yet, and the age in seconds of the oldest of them."""
        head = await self._log.head()
        at = self.at.seq
        if head is None or head.seq <= at:
            return 0, 0.0
        oldest = await self._log.read(at, count=1)
        seconds, _ = await self._redis.time()  # events are dated by Redis's clock, not by ours
        age = seconds - oldest[0].time.timestamp() if oldest else 0.0
        return head.seq - at, max(age, 0.0)


def tail(redis: Redis) -> Redis:
    """Make a client of its own answer XREAD as the server sent it, for `Worker`."""

    def as_sent(response: Any, **_: Any) -> Any:
        return response

    redis.set_response_callback("XREAD", as_sent)
    return redis
