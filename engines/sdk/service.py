"""The composition root of an engine's supervisor: settings, connections, signals, exit status."""

import asyncio
import ctypes
import gc
import logging
import os
import signal
import sys
from collections.abc import Mapping

from engines.sdk import metrics
from engines.sdk.contract import Engine
from engines.sdk.replica import Replica
from engines.sdk.runner import Runner
from engines.sdk.settings import EngineSettings
from engines.sdk.slot import Slot
from streams.artifacts import Artifacts
from streams.commit import Ledger
from streams.connection import REFUSED, connect
from streams.errors import InvalidSetting
from streams.health import HealthServer
from streams.keys import Keys
from streams.registry import Registry
from streams.settings import Settings, read
from streams.work import Queue


def serve(engine_class: type[Engine], environ: Mapping[str, str]) -> int:
    """Serve the engine's stage until SIGTERM; 0 after a drain, 2 for a bad setting."""
    try:
        settings, own = Settings.from_env(environ), read(EngineSettings, environ)
    except InvalidSetting as error:
        print(f"{engine_class.name}: {error}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    try:
        asyncio.run(_serve(engine_class(), settings, own))
    except REFUSED as error:
        print(f"{engine_class.name}: Redis refuses us ({error}): see DALSTON_REDIS_URL")
        return 1
    return 0


async def _serve(engine: Engine, settings: Settings, own: EngineSettings) -> None:
    redis = connect(settings.redis_url)
    keys = Keys(settings.key_prefix, settings.partition)
    ledger = Ledger(redis, keys)
    name = own.replica(engine.name)
    async with redis, Artifacts(settings) as artifacts:
        replica = Replica(
            name=name,
            engine=engine,
            settings=settings,
            own=own,
            ledger=ledger,
            queue=Queue(redis, ledger, engine.name),
            registry=Registry(redis, keys),
            artifacts=artifacts,
            slot=Slot(engine, own),
            folder=own.folder(name, settings),
        )
        runner = Runner(replica)
        presence = runner.presence
        health = HealthServer(
            presence.health, metrics.expose, host=own.health_host, port=own.health_port
        )
        async with health:
            presence.health_url = own.reached_at(health.port)
            _on_signals(runner)
            _settle_memory()
            await runner.run()


def _settle_memory() -> None:
    """What is there now stays; what importing it took goes back to the system."""
    gc.collect()
    gc.freeze()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)


def _on_signals(runner: Runner) -> None:
    """The first SIGTERM or SIGINT drains; a second one exits at once, and the child with it."""
    loop = asyncio.get_running_loop()
    heard: list[int] = []

    def on(number: int) -> None:
        heard.append(number)
        if len(heard) > 1:
            os._exit(128 + number)
        runner.drain()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on, number)
