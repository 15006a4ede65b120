"""Projector, web and echo engines on servers elsewhere, each started with settings of its own."""

import asyncio
import os
import sys
from pathlib import Path

from infra.local import http, programs
from infra.local.child import Child, Program
from infra.local.record import variables
from streams.settings import Settings
from tests.echo.stack import COMMANDS
from tests.operations.place import ROOT

ENGINES = tuple(COMMANDS)


class Parts:
    """All of them are stopped by `stop_all`."""

    def __init__(self, folder: Path) -> None:
        self.running: dict[str, Child] = {}
        self._folder = folder
        ports = programs.free_ports(2 + len(ENGINES))
        self.ports = dict(zip(("web", "projector", *ENGINES), ports, strict=True))
        self.url = programs.health(self.ports["web"])

    async def start(self, settings: Settings, *names: str) -> None:
        """Start parts with these settings; the projector first, which prepares the servers."""
        if "projector" in names:
            await self._start(settings, "projector")
        others = [name for name in names if name != "projector"]
        await asyncio.gather(*(self._start(settings, name) for name in others))

    async def stop(self, *names: str) -> None:
        """Stop parts in good order, as SIGTERM does."""
        await asyncio.gather(*(self.running.pop(name).stop() for name in names))

    async def stop_all(self) -> None:
        """Engines first, which hand their tasks back."""
        await self.stop(*(name for name in ENGINES if name in self.running))
        await self.stop(*list(self.running))

    async def _start(self, settings: Settings, name: str) -> None:
        self.running[name] = Child(self._program(settings, name))
        await self.running[name].start()

    def _program(self, settings: Settings, name: str) -> Program:
        address = programs.health(self.ports[name])
        port = "DALSTON_WEB_PORT" if name == "web" else "DALSTON_HEALTH_PORT"
        env = {**os.environ, **variables(settings), port: str(self.ports[name])}
        return Program(
            name=name,
            command=COMMANDS.get(name, (sys.executable, "-m", name)),
            log=self._folder / f"{name}.log",
            env={**env, "PYTHONPATH": str(ROOT), "DALSTON_WORKDIR": str(self._folder)},
            cwd=ROOT,
            ready=lambda: http.answers(f"{address}/readyz"),
            start_s=120,
            grace_s=30,
        )
