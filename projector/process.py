"""The projector as a process: everything put together, once, and taken down in order."""

import asyncio
import contextlib
import logging
import signal
from contextlib import AsyncExitStack
from typing import Annotated

from msgspec import Meta
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from projector import database, memory, metrics, roles
from projector.carry import Carry
from projector.erasure import Eraser
from projector.errors import FoldedByNewer, TablesBusy
from projector.health import Health
from projector.index import Index
from projector.leader import lead
from projector.objects import Objects
from projector.recover import Recovery, announce
from projector.sweep import Sweeper
from projector.timers import Timers
from projector.worker import Worker, tail
from streams import tasks
from streams.connection import connect
from streams.health import HealthServer
from streams.keys import Keys
from streams.settings import Settings

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
"""For Redis, in one command: the loops around it wait longer, and say so."""
LAG_S = 1.0
STAND_BY_S = 5.0
"""Between two looks whether a newer version still folds here."""


class ProjectorSettings(Settings, frozen=True, kw_only=True):
    """What the projector alone needs to know."""

    health_host: Annotated[str, Meta(description="address of /healthz and /metrics")] = "127.0.0.1"
    health_port: Annotated[
        int, Meta(description="port of /healthz and /metrics; 0 takes a free one", ge=0, le=65535)
    ] = 0
    postgres_web_password: Annotated[
        str, Meta(description="password that the web's role in Postgres is given")
    ] = ""
    sweep_s: Annotated[
        float,
        Meta(description="seconds after which an object that nothing names goes; 0: never", ge=0),
    ] = 6 * 3600.0


class Projector:
    """The fold, and beside it, where this process leads, timers and what follows events."""

    def __init__(self, settings: ProjectorSettings) -> None:
        self._settings = settings
        self._keys = Keys(settings.key_prefix, settings.partition)
        self._redis = connect(settings.redis_url, patience=PATIENCE_S)
        self._tail = tail(connect(settings.redis_url, patience=PATIENCE_S, connections=4))
        self._database: AsyncEngine = database.engine(settings)
        self._timers = Timers(settings, self._redis)
        self._lag = (0, 0.0)
        self.worker = Worker(settings, self._database, self._tail, recover=self._recover)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until ``stop`` is set."""
        own = self._settings
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._database.dispose)
            stack.push_async_callback(self._redis.aclose)
            stack.push_async_callback(self._tail.aclose)
            server = HealthServer(
                self._health, metrics.expose, host=own.health_host, port=own.health_port
            )
            await stack.enter_async_context(server)
            logger.info("health on port %s", server.port)
            objects = await stack.enter_async_context(Objects(own))
            await self._migrate(stop)
            memory.settle()
            while not stop.is_set():
                try:
                    await self._work(objects, stop)
                except FoldedByNewer as newer:
                    logger.warning("%s", newer)
                    self.worker.trouble = str(newer)
                    await self._stand_by(stop)

    async def _migrate(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await database.migrate(self._settings)
                await roles.ensure(self._settings, self._settings.postgres_web_password)
                break
            except TablesBusy as busy:
                logger.warning("%s", busy)
                self.worker.trouble = str(busy)
                await asyncio.sleep(1.0)
            except database.AWAY as error:
                logger.warning("Postgres is not there yet: %r", error)
                self.worker.trouble = f"Postgres is away: {error}"
                await asyncio.sleep(0.5)

    async def _stand_by(self, stop: asyncio.Event) -> None:
        """Neither fold nor lead: whoever is newer does."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), STAND_BY_S)

    async def _work(self, objects: Objects, stop: asyncio.Event) -> None:
        index = Index(self._database, objects)
        eraser = Eraser(self._database, objects, self._redis, self._keys)
        carry = Carry(self._database, objects, self._redis, self._keys)
        sweeper = Sweeper(
            self._database, objects, self._redis, self._keys, age_s=self._settings.sweep_s
        )
        lock = f"{self._keys.base}:leader"

        async def leading(connection: AsyncConnection) -> None:
            await tasks.first(
                self._timers.run(connection),
                index.run(self.worker.advanced),
                eraser.run(self.worker.advanced),
                carry.run(self.worker.advanced),
                sweeper.run(),
            )

        async def stopped() -> None:
            await stop.wait()

        await tasks.first(
            self.worker.run(),
            lead(self._database, lock, leading),
            self._watch_lag(),
            stopped(),
        )

    async def _recover(self, reason: str) -> None:
        if report := await Recovery(self._database, self._redis, self._keys).mend(reason):
            announce(report)

    async def _watch_lag(self) -> None:
        while True:
            try:
                self._lag = await self.worker.lag()
                metrics.LAG.set(self._lag[0])
                metrics.LAG_SECONDS.set(self._lag[1])
            except Exception as error:  # noqa: BLE001 - the rim: Redis is away, the fold says so
                logger.debug("lag unknown: %r", error)
            await asyncio.sleep(LAG_S)

    async def _health(self) -> tuple[bool, Health]:
        worker = self.worker
        said = Health(
            ready=worker.trouble is None,
            profile=self._settings.profile,
            trouble=worker.trouble,
            seq=worker.at.seq,
            epoch=worker.at.epoch,
            lag_events=self._lag[0],
            lag_seconds=round(self._lag[1], 3),
            leading=bool(metrics.LEADING._value.get()),  # noqa: SLF001 - has no other reader
        )
        return said.ready, said


async def serve(settings: ProjectorSettings) -> None:
    """Run until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await Projector(settings).run(stop)
