"""A stack on the tests' servers whose parts each come from a tree of their own."""

import asyncio
import contextlib
import os
from pathlib import Path

import asyncpg

from infra.local import http, programs
from infra.local.child import Child, Program
from infra.local.record import variables
from infra.local.steps import Step
from streams.settings import Settings
from tests.echo.engines import ENGINES
from tests.mixed.trees import Tree

STAGES = {kind.name: stage for stage, kind in ENGINES.items()}
"""Engine → the stage that it does."""
START_S = 90.0
TAKE_BACK = {"v0.1.0": "UPDATE alembic_version SET version_num = '0001'"}
"""What docs/operations.md has people do before a projector goes back to a release."""
UNCLAIM = "UPDATE checkpoints SET schema = 2 WHERE name = 'fold'"
"""What it has them do to go back to 0.3.0 once somebody corrected a transcript."""


class Parts:
    """Projector, web and engines; all are stopped by `stop_all`.

    A name is ``projector``, ``web`` or an engine's; ``NAME-2`` is a second process of it.
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.running: dict[str, Child] = {}
        self.trees: dict[str, str] = {}
        self.died: list[Step] = []
        self._env = {**variables(settings), "DALSTON_WORKDIR": str(folder / "work")}
        self._folder = folder
        ports = programs.free_ports(1)
        self.url = f"http://127.0.0.1:{ports[0]}"

    async def start(self, name: str, tree: Tree) -> None:
        """Start a part from a tree and wait until it is ready."""
        if name.startswith("projector") and tree.name in TAKE_BACK:
            await self._take_back(TAKE_BACK[tree.name])
        self.running[name] = child = Child(self._program(name, tree), self._hear)
        self.trees[name] = tree.name
        await child.start()
        log = child.program.log.read_text()
        assert f"runs from {tree.root}\n" in log, log

    async def stop(self, name: str) -> None:
        """Stop a part in good order."""
        del self.trees[name]
        await self.running.pop(name).stop()

    async def swap(self, name: str, tree: Tree) -> None:
        """The same part from another tree, as a restart after an upgrade is."""
        await self.stop(name)
        await self.start(name, tree)

    async def start_all(self, tree: Tree, **others: Tree) -> None:
        """The projector, which prepares the servers, then all else at once; ``others`` by name."""
        await self.start("projector", others.get("projector", tree))
        rest = ("web", *STAGES)
        await asyncio.gather(*(self.start(name, others.get(name, tree)) for name in rest))

    async def stop_all(self) -> None:
        """Engines first, as they hand their tasks back."""
        for name in sorted(self.running, key=lambda name: name.split("-")[0] not in STAGES):
            await self.stop(name)

    def address(self, name: str) -> str:
        """Where a part that is no web says how it does."""
        return programs.health(int(self.running[name].program.env["DALSTON_HEALTH_PORT"]))

    def log(self, name: str) -> str:
        """All that a part has said."""
        return "\n".join(path.read_text() for path in sorted(self._folder.glob(f"{name}.*.log")))

    async def _take_back(self, statement: str) -> None:
        connection = await asyncpg.connect(self._env["DALSTON_POSTGRES_DSN"])
        with contextlib.suppress(asyncpg.UndefinedTableError):  # nothing was migrated yet
            await connection.execute(statement)
        await connection.close()

    def _hear(self, step: Step) -> None:
        if step.state == "died":
            self.died.append(step)

    def _program(self, name: str, tree: Tree) -> Program:
        kind, _, number = name.partition("-")
        port = programs.free_ports(1)[0]
        address, command = programs.health(port), tree.command(kind)
        place = {"DALSTON_HEALTH_PORT": str(port)}
        if kind == "web":
            address = self.url
            place = {"DALSTON_WEB_HOST": "127.0.0.1", "DALSTON_WEB_PORT": address.split(":")[-1]}
        if kind in STAGES:
            command = tree.command("tests.echo", STAGES[kind])
            place |= {"DALSTON_ENGINE_SLOT": str(int(number or 1) - 1), "DALSTON_DRAIN_S": "5"}
        return Program(
            name=name,
            command=command,
            log=self._folder / f"{name}.{tree.name}.log",
            env={"PATH": os.defpath, **self._env, **place, **tree.environ},
            cwd=self._folder,
            ready=lambda: http.answers(f"{address}/readyz"),
            start_s=START_S,
            grace_s=30,
        )
