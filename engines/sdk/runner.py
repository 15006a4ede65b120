"""The supervisor's loop: take a task, see it through, again; announce, listen, drain."""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from engines.sdk import metrics
from engines.sdk.attempt import Attempt
from engines.sdk.health import Health
from engines.sdk.patience import LOG_AWAY, until_written
from engines.sdk.replica import Replica
from streams import decide
from streams.commit import Ticket
from streams.connection import AWAY
from streams.errors import Refused
from streams.events import AnyFact, EngineDrained, EngineRegistered
from streams.registry import HEARTBEAT_S, TTL_S, Announcement

log = logging.getLogger("dalston.engine")

BLOCK_MS = 1000
"""How long one wait for a task lasts, so how late a drain of an idle engine is noticed."""
GOODBYE_S = 5.0


class Runner:
    """One replica at work. `drain` may be called at any time."""

    def __init__(self, replica: Replica, health_url: str = "") -> None:
        self.replica = replica
        self.health_url = health_url
        self._draining = asyncio.Event()
        self._attempt: Attempt | None = None
        self._ready = False
        self._beat_at = float("-inf")
        self._started_at = time.time()

    def drain(self) -> None:
        """Take nothing more, end or give back what is at hand, leave."""
        self._draining.set()

    async def run(self) -> None:
        """Serve until drained."""
        beside = [
            asyncio.create_task(self._always(self._beat)),
            asyncio.create_task(self._always(self._listen)),
        ]
        try:
            await self._unless_drained(self._begin())
            while not self._draining.is_set():
                await self._turn()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self.replica.slot.end()
        await self._leave()

    def health(self) -> Health:
        """For /healthz and /readyz."""
        waits_for = ""
        if self._draining.is_set():
            waits_for = "nothing: it drains"
        elif time.monotonic() - self._beat_at > TTL_S:
            waits_for = "Redis"
        elif not self._ready:
            waits_for = "its start: the log, or its model"
        return Health(
            replica=self.replica.name,
            state=self._state(),
            profile=self.replica.settings.profile,
            loaded=self.replica.slot.loaded(),
            memory=self.replica.slot.memory(),
            job=self._attempt.ticket.job if self._attempt else "",
            waits_for=waits_for,
        )

    async def _begin(self) -> None:
        replica = self.replica
        await until_written(replica.queue.create)
        await until_written(self._redo)
        await self._tell(
            EngineRegistered(
                engine=replica.engine.name,
                stage=replica.engine.stage,
                engine_version=replica.engine.version,
                replica=replica.name,
                models=replica.engine.models(),
            )
        )
        if replica.own.prewarm:
            await replica.slot.warm()
        self._ready = True
        log.info("%s is ready", replica.name)

    async def _redo(self) -> None:
        """What a past life of this replica still holds starts again at once."""
        for ticket in await self.replica.queue.held(self.replica.name):
            log.info("%s of job %s was left by a past life", ticket.stage, ticket.job)
            await self._lose(ticket, preempted=False)

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

    async def _turn(self) -> None:
        """Wait for a task and see it through, or rest when there is none."""
        try:
            ticket = await self._take()
        except LOG_AWAY as error:
            log.warning("no task can be taken now: %s: %s", type(error).__name__, error)
            await asyncio.sleep(1.0)
            return
        if ticket is None:
            await self.replica.slot.rest(rewarm=self.replica.own.prewarm)
        elif self._draining.is_set():
            await until_written(lambda: self._lose(ticket, preempted=True))
        else:
            await self._see_through(ticket)

    async def _take(self) -> Ticket | None:
        """As Queue.take, but a Redis that is away does not hold up a drain."""
        take = asyncio.create_task(self.replica.queue.take(self.replica.name, block_ms=BLOCK_MS))
        drain = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({take, drain}, return_when=asyncio.FIRST_COMPLETED)
            if not take.done():
                # Not cut off at once: the server may be handing over a task this very moment.
                await asyncio.wait({take}, timeout=BLOCK_MS / 1000 + 1.0)
            return take.result() if take.done() else None
        finally:
            for task in (take, drain):
                task.cancel()
            await asyncio.gather(take, drain, return_exceptions=True)

    async def _see_through(self, ticket: Ticket) -> None:
        replica = self.replica
        began = time.monotonic()
        job = await until_written(lambda: replica.ledger.load(ticket.job))
        if job is None:
            await until_written(lambda: replica.ledger.settle(ticket))
            return
        self._attempt = Attempt(replica, ticket, job)
        metrics.BUSY.labels(replica.engine.name).set(1)
        try:
            outcome = await self._live(self._attempt)
        finally:
            self._attempt = None
            metrics.BUSY.labels(replica.engine.name).set(0)
            replica.slot.used()
        metrics.TASKS.labels(replica.engine.name, replica.engine.stage, outcome).inc()
        metrics.TASK_SECONDS.labels(replica.engine.name).observe(time.monotonic() - began)

    async def _live(self, attempt: Attempt) -> str:
        """The attempt's life, cut short when a drain has lasted its grace."""
        life = asyncio.create_task(attempt.live())
        drain = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({life, drain}, return_when=asyncio.FIRST_COMPLETED)
            if not life.done():
                await asyncio.wait({life}, timeout=self.replica.own.drain_s)
            if life.done():
                return life.result()
        except Exception as error:  # noqa: BLE001 - the loop's rim: it becomes a stage.failed
            return await attempt.give_up(error)
        finally:
            for task in (life, drain):
                task.cancel()
            await asyncio.gather(life, drain, return_exceptions=True)
        await self.replica.slot.end()
        await attempt.lose()
        return "preempted"

    async def _beat(self) -> None:
        """Announce this replica, every HEARTBEAT_S."""
        while True:
            await self.replica.registry.announce(self._announcement())
            self._beat_at = time.monotonic()
            await asyncio.sleep(HEARTBEAT_S)

    async def _listen(self) -> None:
        """Hear of jobs that were cancelled: their attempts look at their leases at once."""
        redis = self.replica.ledger.redis
        async with redis.pubsub(ignore_subscribe_messages=True) as channel:
            await channel.subscribe(self.replica.ledger.keys.nudges)
            while True:
                message = await channel.get_message(timeout=60.0)
                attempt = self._attempt
                if message and attempt and message["data"].decode() == attempt.ticket.job:
                    attempt.nudge()

    async def _always(self, loop: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await loop()
            except (*AWAY, OSError) as error:
                log.warning("Redis is away: %s", error)
            await asyncio.sleep(1.0)

    async def _unless_drained(self, work: Coroutine[Any, Any, None]) -> None:
        begin = asyncio.create_task(work)
        drain = asyncio.create_task(self._draining.wait())
        await asyncio.wait({begin, drain}, return_when=asyncio.FIRST_COMPLETED)
        drain.cancel()
        if not begin.done():
            begin.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await begin

    async def _tell(self, fact: AnyFact) -> None:
        await until_written(lambda: self.replica.ledger.append(self.replica.name, fact))

    async def _leave(self) -> None:
        """Say goodbye, if Redis is there to hear it."""
        replica = self.replica
        with contextlib.suppress(TimeoutError, *LOG_AWAY):
            async with asyncio.timeout(GOODBYE_S):
                for ticket in await replica.queue.held(replica.name):
                    await self._lose(ticket, preempted=True)
                await replica.registry.leave(replica.name)
                await replica.queue.forget(replica.name)
                await self._tell(EngineDrained(engine=replica.engine.name, replica=replica.name))
        log.info("%s has left", replica.name)

    def _state(self) -> str:
        if self._draining.is_set():
            return "draining"
        if not self._ready:
            return "starting"
        return "busy" if self._attempt else "idle"

    def _announcement(self) -> Announcement:
        replica, engine, attempt = self.replica, self.replica.engine, self._attempt
        return Announcement(
            replica=replica.name,
            engine=engine.name,
            stage=engine.stage,
            version=engine.version,
            host=replica.own.host,
            pid=os.getpid(),
            state=self._state(),
            models=engine.models(),
            default_model=engine.default_model(),
            any_model=engine.any_model,
            languages=engine.languages(),
            loaded=replica.slot.loaded(),
            device=engine.device,
            memory=replica.slot.memory(),
            health=self.health_url,
            job=attempt.ticket.job if attempt else "",
            stage_done=attempt.fraction if attempt else 0.0,
            started_at=self._started_at,
        )
