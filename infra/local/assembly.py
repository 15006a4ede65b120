"""The whole local stack: the same processes as anywhere else, as children of this one."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

from infra.local import environment, programs, record
from infra.local.child import Child
from infra.local.control import Order
from infra.local.errors import LocalError
from infra.local.home import Home
from infra.local.options import Options
from infra.local.servers import Servers
from infra.local.steps import Report, Step, ignore
from streams import acl
from streams.settings import Settings


class Stack:
    """A stack that is up between `async with` and its end.

    Children that die are restarted; `report` hears of everything; stack.json is kept current.
    Only one process at a time can have a stack on a home.
    """

    def __init__(self, options: Options, report: Report = ignore) -> None:
        self.options = options
        self.home = Home(options.home)
        self._tell = report
        self._orderer: Report = ignore
        self._env: dict[str, str] = {}
        self._servers = Servers(self.home, options, self._report)
        self._projector: Child | None = None
        self._web: Child | None = None
        self._engines: dict[str, Child] = {}
        self._running: record.Running | None = None

    @property
    def settings(self) -> Settings:
        """How to reach the servers of this stack."""
        return self._servers.settings

    @property
    def running(self) -> record.Running:
        """What stack.json says."""
        assert self._running
        return self._running

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Return once everything is ready.

        Raises:
            AlreadyRunning: another process has a stack on this home.
            LocalError: some part did not come up; all others are stopped again.
        """
        await self.home.acquire()
        try:
            await self._start()
        except BaseException as error:  # cancelled, too: nothing may stay behind
            await asyncio.shield(self.stop())
            if isinstance(error, BaseExceptionGroup):
                raise first_cause(error) from None
            raise

    async def stop(self) -> None:
        """End everything in order: engines hand their tasks back while all else still runs."""
        self._running = None
        self.home.record.unlink(missing_ok=True)
        await asyncio.gather(*(child.stop() for child in self._engines.values()))
        for child in (self._web, self._projector):
            if child:
                await child.stop()
        await self._servers.stop()
        self.home.release()

    async def obey(self, order: Order, report: Report) -> None:
        """Change replicas, then restart parts one after the other; tell the steps to `report`.

        Raises:
            LocalError: there is no such part, or one did not come up.
        """
        self._orderer = report
        try:
            for name, count in order.scale.items():
                await self._scale(name, count)
            for child in self._named(order.restart):
                await child.stop()
                await child.start()
        finally:
            self._orderer = ignore
            self._record()

    def _named(self, names: Sequence[str]) -> list[Child]:
        """The parts of these names; "engines" are all replicas."""
        there = {child.program.name: child for child in self._children()}
        found: list[Child] = []
        for name in names:
            if name != "engines" and name not in there:
                raise LocalError(f"no part {name!r}; there are: engines, {', '.join(there)}")
            found += self._engines.values() if name == "engines" else [there[name]]
        return found

    async def _scale(self, name: str, count: int) -> None:
        wanted = [programs.replica_name(name, slot) for slot in range(count)]
        over = [one for one in self._engines if replica_of(one) == name and one not in wanted]
        await asyncio.gather(*(self._engines.pop(one).stop() for one in over))
        for one in over:
            del self.running.engines[one]
        if slots := [slot for slot, one in enumerate(wanted) if one not in self._engines]:
            command = await self._command(name)
            replicas = [(name, slot, command) for slot in slots]
            added = self._replicas(replicas, programs.free_ports(len(slots)))
            self.running.engines.update(added)
            await self._start_all(list(added))

    async def _start_all(self, names: list[str]) -> None:
        """Start replicas; those that do not come up, or are not come to, are forgotten."""
        try:
            while names:
                await self._engines[names[0]].start()
                del names[0]
        finally:
            for name in names:
                del self._engines[name], self.running.engines[name]

    async def _start(self) -> None:
        self.home.clear()
        programs.check_free(self.options.web_host, self.options.web_port)
        async with asyncio.TaskGroup() as group:
            commands = {
                name: group.create_task(self._command(name))
                for name, replicas in self.options.engines.items()
                if replicas
            }
            group.create_task(self._servers.start())
        variables = record.variables(self.settings)
        record.write_secrets(self.home, variables)
        self._env = {**self.options.environ, **variables, "DALSTON_HOME": str(self.home.path)}
        running = self._plan({name: task.result() for name, task in commands.items()})
        assert self._projector
        assert self._web
        await self._projector.start()  # it prepares the database and the log for the others
        async with asyncio.TaskGroup() as group:
            for child in (self._web, *self._engines.values()):
                group.create_task(child.start())
        self._running = running
        self._record()

    async def _command(self, name: str) -> Sequence[str]:
        """How an engine is served: as we were told, or from an environment of its own."""
        if told := self.options.commands.get(name):
            return told
        environments = self.options.environments or self.home.environments
        card = environment.has_card(self.options.environ)
        found = environment.of_engine(name, environments, accelerated=card)
        python = await environment.build(found, self.options.environ, self._report)
        return [str(python), "-m", f"engines.{name}"]

    def _plan(self, commands: dict[str, Sequence[str]]) -> record.Running:
        """Decide every port and make every child; none is started yet."""
        replicas = [
            (name, slot, command)
            for name, command in commands.items()
            for slot in range(self.options.engines[name])
        ]
        ports = programs.free_ports(2 + len(replicas))
        host, port = self.options.web_host, self.options.web_port or ports.pop()
        projector_port = ports.pop()
        projector = programs.projector(self.home, self._as(acl.PROJECTOR), projector_port)
        self._projector = Child(projector, self._report)
        web = programs.web(self.home, self._as(acl.WEB), host, port, self.options.auth)
        self._web = Child(web, self._report)
        shown = self.settings
        return record.Running(
            supervisor=record.Process(pid=os.getpid()),
            web=record.Server(url=programs.web_url(host, port)),
            valkey=record.Server(url=record.without_password(shown.redis_url)),
            postgres=record.Database(dsn=record.without_password(shown.postgres_dsn)),
            s3=record.Server(url=shown.s3_url),
            projector=record.Program(health=programs.health(projector_port)),
            engines=self._replicas(replicas, ports),
        )

    def _replicas(
        self, replicas: Sequence[tuple[str, int, Sequence[str]]], ports: Sequence[int]
    ) -> dict[str, record.Engine]:
        """Make a child for each (engine, slot, command), and what stack.json says of it."""
        made = {}
        for (name, slot, command), port in zip(replicas, ports, strict=False):
            program = programs.engine(
                self.home, self._as(acl.engine(name)), name=name, slot=slot, port=port,
                command=command,
            )  # fmt: skip
            self._engines[program.name] = Child(program, self._report)
            made[program.name] = record.Engine(health=programs.health(port), python=command[0])
        return made

    def _as(self, role: str) -> dict[str, str]:
        """The environment of a process in a role: with its own credentials."""
        return {**self._env, **self._servers.credentials(role)}

    def _report(self, step: Step) -> None:
        self._tell(step)
        self._orderer(step)
        if self._running and step.state in {"ready", "died"}:
            with suppress(OSError):  # a full disk is no reason to let a child be
                self._record()

    def _record(self) -> None:
        """Bring stack.json up to date with who lives under which pid."""
        running = self.running
        places: dict[str, record.Process] = {
            "web": running.web,
            "projector": running.projector,
            "valkey": running.valkey,
            "postgres": running.postgres,
            "s3": running.s3,
            **running.engines,
        }
        for child in self._children():
            places[child.program.name].pid = child.pid
        record.write(self.home, running)

    def _children(self) -> list[Child]:
        ours = [child for child in (self._web, self._projector) if child]
        return [*self._servers.children.values(), *ours, *self._engines.values()]


def replica_of(name: str) -> str:
    """The engine of a replica's name: "merge" of "merge" and of "merge-2"."""
    return name.partition("-")[0]


def first_cause(error: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error behind a group of them that is worth telling: ours before any other."""
    causes = list(leaves(error))
    return next((cause for cause in causes if isinstance(cause, LocalError)), causes[0])


def leaves(error: BaseException) -> list[BaseException]:
    """The single errors of a group."""
    if isinstance(error, BaseExceptionGroup):
        return [leaf for inner in error.exceptions for leaf in leaves(inner)]
    return [error]
