"""`dalston` of a tree as people call it, on a home that the trees share."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from infra.local import stack
from streams.settings import Settings
from tests.mixed.trees import Tree


@dataclass(frozen=True)
class Done:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Home:
    """A home, and where each tree keeps the environments of its engines."""

    path: Path
    environments: Path

    async def run(self, tree: Tree, *words: str) -> Done:
        """``dalston --home HOME WORD …`` with the code of a tree."""
        process = await asyncio.create_subprocess_exec(
            *tree.command("infra.cli", "--home", str(self.path), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                **tree.environ,
                "DALSTON_ENVS": str(self.environments / tree.name),
                "DALSTON_LEASE_S": "5",
            },
            cwd=self.path.parent,
        )
        out, err = await process.communicate()
        code = process.returncode
        assert code is not None
        return Done(code, out.decode().partition("\n")[2], err.decode())  # the first line is BOOT's

    async def does(self, tree: Tree, *words: str) -> str:
        """The same, and it works; what it prints."""
        done = await self.run(tree, *words)
        assert done.code == 0, done
        return done.out

    @property
    def settings(self) -> Settings:
        """Of the stack that runs."""
        return stack.settings(self.path)
