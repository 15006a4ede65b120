"""The supervisor's loop: take a task, see it through, again, until it is drained."""

import asyncio
import contextlib
import logging
import shutil
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from engines.sdk import metrics, relay, workspace
from engines.sdk.attempt import Attempt
from engines.sdk.patience import LOG_AWAY, passing, until_written
from engines.sdk.presence import Presence, Status
from engines.sdk.replica import Replica
from streams import decide, tasks
from streams.commit import Ticket
from streams.errors import Refused, SchemaTooNew

log = logging.getLogger("dalston.engine")

BLOCK_MS = 1000
"""How long one wait for a task lasts, so how late a drain of an idle engine is noticed."""
STAND_BY_S = 0.5
"""How late it is noticed that a drained replica is wanted back."""
NEWER_S = 1.0
"""Between two tasks that are a newer version's: they pass through here as long as it is away."""
GOODBYE_S = 5.0
"""A Redis that is away holds up a drain no longer than this."""


class Runner:
    """One replica at work. `drain` may be called at any time."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.status = Status()
        self.presence = Presence(replica, self.status)
        self._handed = asyncio.Event()
        self._at_hand: Ticket | None = None

    def drain(self) -> None:
        """Take nothing more, end or give back what is at hand, leave."""
        self.status.draining.set()
        self.status.changed.set()

    async def run(self) -> None:
        """Serve until drained."""
        await self._unless_drained(until_written(self.presence.claim))
        beside = [
            asyncio.create_task(_always(self.presence.beat)),
            asyncio.create_task(_always(self._listen)),
        ]
        try:
            await self._unless_drained(self._begin())
            while not self.status.draining.is_set():
                await (self._stand_by() if self.status.stands_by else self._turn())
        finally:
            await tasks.end(*beside)
            await self.replica.slot.end()
        if not self.presence.dispossessed:
            await _briefly(self._leave())
            shutil.rmtree(self.replica.folder, ignore_errors=True)

    async def _begin(self) -> None:
        shutil.rmtree(self.replica.folder, ignore_errors=True)  # what a past life left
        self.replica.folder.mkdir(mode=0o700, parents=True)
        await until_written(self.replica.queue.create)
        await until_written(self._give_up_held)
        await self.presence.register()
        await until_written(self.presence.heed)
        if not self.status.stands_by:
            await self._unless_drained(self.replica.slot.rest())
        self.status.ready = True
        self.status.changed.set()
        log.info("%s is ready", self.replica.name)

    async def _leave(self) -> None:
        await self._give_up_held(preempted=True)
        await self.presence.leave()

    async def _give_up_held(self, *, preempted: bool = False) -> None:
        """What this replica holds, from a past life or from the last moment, starts again."""
        for ticket in await self.replica.queue.held(self.replica.name):
            await self._give_up(ticket, preempted=preempted)

    async def _give_up(self, ticket: Ticket, *, preempted: bool) -> None:
        log.info("%s of job %s is given back", ticket.stage, ticket.job)
        await self._lose(ticket, preempted=preempted)

    async def _lose(self, ticket: Ticket, *, preempted: bool) -> None:
        try:
            await self.replica.ledger.transition(
                ticket.job,
                lambda job, now: decide.lose(
                    job, stage=ticket.stage, token=ticket.token, preempted=preempted, now=now
                ),
                settle=ticket,
            )
        except Refused:
            await self.replica.ledger.settle(ticket)
        except SchemaTooNew as newer:
            await self._leave_to_newer(ticket, newer)

    async def _leave_to_newer(self, ticket: Ticket, newer: SchemaTooNew) -> None:
        """Take our hands off a task that only a newer version can do.

        The projector misses it in the queue, and puts it back for whoever comes next.
        """
        log.warning("%s of job %s is not ours: %s", ticket.stage, ticket.job, newer)
        await until_written(lambda: self.replica.ledger.settle(ticket))

    async def _stand_by(self) -> None:
        """Drained by somebody's wish: hold nothing, take nothing, until they want it back."""
        await self.replica.slot.replace("drained")
        await self._unless_drained(self.presence.stand_by())
        self._say_drained(drained=True)
        while self.status.stands_by and not self.status.draining.is_set():
            try:  # what came in the last moment, or was handed to us
                await self._give_up_held(preempted=True)
            except LOG_AWAY as error:
                if not passing(error):
                    raise
                log.warning("nothing can be given back now: %s", error)
            await self._unless_drained(asyncio.sleep(STAND_BY_S))
        if not self.status.draining.is_set():
            await self._unless_drained(self.presence.register())
        self._say_drained(drained=False)

    def _say_drained(self, *, drained: bool) -> None:
        self.status.drained = drained
        self.status.changed.set()

    async def _turn(self) -> None:
        """Wait for a task and see it through, or rest when there is none."""
        if self._is_cramped():
            await self._unless_drained(asyncio.sleep(1.0))
            return
        self._handed.clear()
        try:
            held = await self._handed_to_us()
            ticket = held[0] if held else await self._take()
        except LOG_AWAY as error:
            if not passing(error):
                raise
            log.warning("no task can be taken now: %s: %s", type(error).__name__, error)
            await asyncio.sleep(1.0)
            return
        self._at_hand = ticket
        if len(held) > 1 or self._handed.is_set():
            await self._pass_on()
        leaves = self.status.draining.is_set() or self.status.stands_by
        if ticket is not None and leaves:
            await _briefly(self._lose(ticket, preempted=True))
        elif ticket is not None:
            await self._see_through(ticket, handed=bool(held))
        self._at_hand = None
        if not self.status.stands_by:
            await self._unless_drained(self.replica.slot.rest())

    def _is_cramped(self) -> bool:
        """Whether the disk has no room for a task's files: it is left to others, or for later.

        Failing task after task would use up the budgets of all that wait.
        """
        cramped = workspace.free(self.replica.folder) < workspace.ROOM
        if cramped != self.status.cramped:
            self.status.cramped = cramped
            if cramped:
                log.warning("no task is taken: the disk of %s is full", self.replica.folder)
            else:
                log.info("there is room on the disk again")
        return cramped

    async def _take(self) -> Ticket | None:
        """As Queue.take, but a Redis that is away does not hold up a drain.

        It ends without a task when another replica hands one over. What the server gives in that
        very moment is seen as held in the next turn.
        """
        take = asyncio.create_task(self.replica.queue.take(self.replica.name, block_ms=BLOCK_MS))
        handed = asyncio.create_task(self._handed.wait())
        either = asyncio.create_task(
            asyncio.wait({take, handed}, return_when=asyncio.FIRST_COMPLETED)
        )
        # A drain does not cut it off at once: the server may be handing over a task this moment.
        await self._first_or_drained(either, grace_s=BLOCK_MS / 1000 + 1.0)
        await tasks.end(either, handed)
        if take.done():
            return take.result()
        await tasks.end(take)
        return None

    async def _pass_on(self) -> None:
        """Of two tasks that came in one moment, one goes back: whoever is free begins it anew."""
        if self._at_hand is not None:
            await _briefly(self._give_up_others(self._at_hand))

    async def _give_up_others(self, mine: Ticket) -> None:
        for ticket in await self._handed_to_us():
            if ticket != mine:
                await self._give_up(ticket, preempted=True)

    async def _handed_to_us(self) -> list[Ticket]:
        """What we hold and nobody has begun.

        After a stop of ours another process may live under our name: what it holds is not for us,
        nor for it what we have begun before we know.
        """
        held = await self.replica.queue.look(self.replica.name)
        if not held or not await self.presence.is_ours():
            return []
        return [ticket for ticket in held if await self._waits(ticket)]

    async def _waits(self, ticket: Ticket) -> bool:
        try:
            job = await self.replica.ledger.load(ticket.job)
        except SchemaTooNew:
            return True  # it is seen through to whoever knows more
        stage = job.stages.get(ticket.stage) if job is not None else None
        return stage is None or (stage.status, stage.token) != ("running", ticket.token)

    async def _see_through(self, ticket: Ticket, *, handed: bool) -> None:
        replica, began = self.replica, time.monotonic()
        try:
            job = await until_written(lambda: replica.ledger.load(ticket.job))
        except SchemaTooNew as newer:
            await self._leave_to_newer(ticket, newer)
            await self._unless_drained(asyncio.sleep(NEWER_S))
            return
        if job is None:
            await until_written(lambda: replica.ledger.settle(ticket))
            return
        if not handed and await relay.hand_over(replica, ticket, job):
            return
        self.status.attempt = Attempt(replica, ticket, job)
        metrics.BUSY.labels(replica.engine.name).set(1)
        try:
            outcome = await self._live(self.status.attempt)
        finally:
            self.status.attempt = None
            metrics.BUSY.labels(replica.engine.name).set(0)
            replica.slot.used()
        if outcome == "fenced":  # as after a stop of ours: whoever has our name has our tasks
            await until_written(self.presence.is_ours)
        metrics.TASKS.labels(replica.engine.name, replica.engine.stage, outcome).inc()
        metrics.TASK_SECONDS.labels(replica.engine.name).observe(time.monotonic() - began)

    async def _live(self, attempt: Attempt) -> str:
        """The attempt's life, cut short when a drain has lasted its grace."""
        life = asyncio.create_task(attempt.live())
        await self._first_or_drained(life, grace_s=self.replica.own.drain_s)
        if not life.done():
            await tasks.end(life)
            await self.replica.slot.end()
            await _briefly(attempt.lose())
            return "preempted"
        try:
            return life.result()
        except Exception as error:  # noqa: BLE001 - the loop's rim: it becomes a stage.failed
            return await attempt.give_up(error)

    async def _first_or_drained(self, work: "asyncio.Task[Any]", *, grace_s: float) -> None:
        """Return when the work is done, or when a drain has given it its grace."""
        drain = asyncio.create_task(self.status.draining.wait())
        await asyncio.wait({work, drain}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await asyncio.wait({work}, timeout=grace_s)
        drain.cancel()

    async def _unless_drained(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        await self._first_or_drained(task, grace_s=0.0)
        if task.done():
            task.result()
        await tasks.end(task)

    async def _listen(self) -> None:
        """Hear of tasks that were handed to us, of jobs that were cancelled (their attempts look
        at their leases at once), and of somebody who drains our engine or resumes it."""
        ledger = self.replica.ledger
        own = ledger.keys.replica(self.replica.name)
        async with ledger.redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(ledger.keys.nudges, own)
            while True:
                message = await channel.get_message(timeout=10.0)
                if message and message["channel"].decode() == own:
                    self._handed.set()
                    await self._pass_on()
                    continue
                attempt, about = self.status.attempt, message and message["data"].decode()
                if about == self.replica.engine.name:
                    self.status.changed.set()
                elif attempt and about == attempt.ticket.job:
                    attempt.nudge()


async def _always(loop: Callable[[], Awaitable[None]]) -> None:
    """Run a loop beside the work again when it ends, whatever ended it."""
    while True:
        try:
            await loop()
        except LOG_AWAY as error:
            log.warning("Redis is away: %s: %s", type(error).__name__, error)
        except Exception:  # a replica without a heartbeat would be given up while it works
            log.exception("a loop beside the work tripped")
        await asyncio.sleep(1.0)


async def _briefly(goodbye: Coroutine[Any, Any, None]) -> None:
    """Say it, if Redis is there to hear it; otherwise the lease runs out."""
    with contextlib.suppress(*LOG_AWAY):
        await tasks.briefly(goodbye, GOODBYE_S)
