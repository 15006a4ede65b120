"""A stack on a home of its own, worked by the very commands that docs/operations.md shows."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.client import Client
from infra.local import stack
from infra.local.record import Running
from streams.events import JobRequest
from streams.job import TERMINAL
from tests.echo.script import Act, Script, encode
from tests.echo.stack import COMMANDS
from web.views import JobView

ROOT = Path(__file__).parents[2]
DALSTON = (sys.executable, "-m", "infra.cli")
SHORT = bool(os.environ.get("DALSTON_SHORT"))
SERVE = [word for name, command in COMMANDS.items()
         for word in ("--serve", f"{name}={' '.join(command)}")]  # fmt: skip
SLOW = Script(says="worth the wait", acts={"transcribe": (Act(seconds=1.0),)})


@dataclass
class Place:
    """One home.

    environ: what its commands have beside the environment of the tests.
    within: what each command is put behind, such as nsenter. root: where its files are seen.
    key: what its API is asked with.
    """

    home: Path
    environ: Mapping[str, str] = field(default_factory=dict)
    within: tuple[str, ...] = ()
    root: Path = Path("/")
    key: str = ""

    async def dalston(self, *words: str, status: int = 0) -> str:
        """Run a command on this home; its stdout, once its exit code is as expected."""
        process = await asyncio.create_subprocess_exec(
            *self.within, *DALSTON, "--home", str(self.home), *words,
            cwd=ROOT, env=self.variables(), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        said = f"dalston {' '.join(words)}: {process.returncode}\n{out.decode()}{err.decode()}"
        assert process.returncode == status, said
        return out.decode() + (err.decode() if status else "")

    def variables(self) -> dict[str, str]:
        """The environment of its commands."""
        return {**os.environ, "DALSTON_LEASE_S": "3", "PYTHONPATH": str(ROOT), **self.environ}

    async def up(self, *words: str) -> "Place":
        """Start it in the background with echo engines."""
        await self.dalston("up", "--detach", *SERVE, *words)
        return self

    def client(self) -> Client:
        """Its API."""
        return Client(self.running().web.url, self.key)

    def running(self) -> Running:
        """What stack.json says."""
        return stack.read(self.seen(self.home))

    def seen(self, path: Path) -> Path:
        """Where the test finds what the stack has at that path."""
        return self.root / path.relative_to("/")

    async def submit(self, count: int, script: Script = SLOW) -> list[str]:
        """Ids of so many accepted jobs."""
        path = self.home.with_name(f"{self.home.name}.echo")
        path.write_bytes(encode(script))
        async with self.client() as client:
            jobs = [
                await client.submit(path, JobRequest(), key=f"{os.urandom(8).hex()}")
                for _ in range(count)
            ]
        return [job.id for job in jobs]

    async def ended(self, jobs: Iterable[str], *, seconds: float = 300) -> dict[str, str]:
        """The transcript of each job, once all have succeeded."""
        async with self.client() as client, asyncio.timeout(seconds):
            return {job: await self._transcript(client, job) for job in jobs}

    async def _transcript(self, client: Client, job: str) -> str:
        view = await settled(client, job)
        assert view.status == "succeeded", view
        return await client.transcript(job)


async def settled(client: Client, job: str) -> JobView:
    """The job once nothing more happens to it by itself."""
    while True:
        view = await client.job(job)
        if view.status in TERMINAL or view.status == "blocked":
            return view
        await asyncio.sleep(0.1)
