"""What a replica says of itself: that it comes, lives, how it does, and that it goes."""

import asyncio
import contextlib
import logging
import os
import time
from dataclasses import dataclass, field

from engines.sdk.attempt import Attempt
from engines.sdk.health import Health
from engines.sdk.patience import until_written
from engines.sdk.replica import Replica
from streams.events import EngineDrained, EngineRegistered
from streams.registry import HEARTBEAT_S, TTL_S, Announcement

log = logging.getLogger("dalston.engine")


@dataclass
class Status:
    """How the replica does now; the runner keeps it, the presence tells it."""

    draining: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set for what cannot wait for the next heartbeat: ready now, or draining."""
    ready: bool = False
    stands_by: bool = False
    """Somebody wants that it takes no tasks."""
    drained: bool = False
    """It stands by, and has nothing at hand nor in memory."""
    cramped: bool = False
    """No task is taken, for there is no room for its files."""
    attempt: Attempt | None = None

    def word(self) -> str:
        """As an Announcement has it."""
        if self.draining.is_set():
            return "draining"
        if not self.ready:
            return "starting"
        if self.stands_by:
            return "drained" if self.drained else "draining"
        return "busy" if self.attempt else "idle"


class Presence:
    """One replica's."""

    def __init__(self, replica: Replica, status: Status) -> None:
        self.health_url = ""
        self.dispossessed = False
        self._replica = replica
        self._status = status
        self._announced = False
        self._beat_at = float("-inf")
        self._started_at = time.time()

    async def claim(self) -> None:
        """Wait while another process on this host lives under this replica's name."""
        while other := await self._replica.registry.find(self._replica.name):
            if other.host != self._replica.own.host or not _is_other(other.pid):
                return
            log.warning(
                "process %d serves as %s: stop it, or give this one another DALSTON_ENGINE_SLOT",
                other.pid, other.replica,
            )  # fmt: skip
            await asyncio.sleep(HEARTBEAT_S)

    async def beat(self) -> None:
        """Announce the replica every HEARTBEAT_S; leave when another process took its name.

        That happens to one that was stopped for long and goes on: its tasks are fenced, and its
        name would be held twice. What is there before the first announcement is a past life's,
        though a clock that went back may date it later than this one's start.
        """
        registry, status = self._replica.registry, self._status
        while True:
            if not await self.is_ours():
                return
            await self.heed()
            await registry.announce(self._announcement())
            self._announced = True
            self._beat_at = time.monotonic()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await status.changed.wait()
            status.changed.clear()

    async def is_ours(self) -> bool:
        """Whether no other process took our name meanwhile; if one did, we leave."""
        other = await self._replica.registry.find(self._replica.name) if self._announced else None
        if other is None or other.started_at <= self._started_at:
            return True
        log.error("process %d took the name %s: leaving", other.pid, other.replica)
        self.dispossessed = True
        self._status.draining.set()
        return False

    async def heed(self) -> None:
        """See whether somebody wants the replica drained, or resumed."""
        wish = await self._replica.registry.drains.of(self._replica.name)
        if wish is not None and wish != self._status.stands_by:
            log.info("%s is to be %s", self._replica.name, "drained" if wish else "resumed")
            self._status.stands_by = wish

    async def register(self) -> None:
        """Tell the log that the replica came up."""
        engine = self._replica.engine
        fact = EngineRegistered(
            engine=engine.name,
            stage=engine.stage,
            engine_version=engine.version,
            replica=self._replica.name,
            models=engine.models(),
        )
        await until_written(lambda: self._replica.ledger.append(self._replica.name, fact))

    async def leave(self) -> None:
        """Off the list, out of the queue's group, and into the log."""
        replica = self._replica
        await replica.registry.leave(replica.name)
        await replica.queue.forget(replica.name)
        await self._tell_drained(stays=False)
        log.info("%s has left", replica.name)

    async def stand_by(self) -> None:
        """Tell the log that the replica takes nothing more until it is resumed."""
        await until_written(lambda: self._tell_drained(stays=True))

    async def _tell_drained(self, *, stays: bool) -> None:
        replica = self._replica
        fact = EngineDrained(engine=replica.engine.name, replica=replica.name, stays=stays)
        await replica.ledger.append(replica.name, fact)

    async def health(self) -> tuple[bool, Health]:
        """For /healthz and /readyz."""
        replica, status = self._replica, self._status
        waits_for = ""
        if status.draining.is_set():
            waits_for = "nothing: it drains"
        elif time.monotonic() - self._beat_at > TTL_S:
            waits_for = "Redis"
        elif not status.ready:
            waits_for = "its start: the log, or its model"
        elif status.cramped:
            waits_for = f"room on the disk of {replica.folder}"
        said = Health(
            replica=replica.name,
            state=status.word(),
            profile=replica.settings.profile,
            loaded=replica.slot.loaded(),
            memory=replica.slot.memory(),
            job=status.attempt.ticket.job if status.attempt else "",
            waits_for=waits_for,
        )
        return not said.waits_for, said

    def _announcement(self) -> Announcement:
        replica, engine, attempt = self._replica, self._replica.engine, self._status.attempt
        return Announcement(
            replica=replica.name,
            engine=engine.name,
            stage=engine.stage,
            version=engine.version,
            host=replica.own.host,
            pid=os.getpid(),
            state=self._status.word(),
            models=engine.models(),
            default_model=engine.default_model(),
            any_model=engine.any_model,
            needs_model=engine.needs_model,
            languages=engine.languages(),
            gives=engine.gives(),
            loaded=replica.slot.loaded(),
            device=replica.slot.device,
            compute_type=replica.slot.compute_type,
            memory=replica.slot.memory(),
            gpu_memory=replica.slot.gpu_memory(),
            loads=replica.slot.loads(),
            health=self.health_url,
            job=attempt.ticket.job if attempt else "",
            stage_done=attempt.fraction if attempt else 0.0,
            started_at=self._started_at,
        )


def _is_other(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
