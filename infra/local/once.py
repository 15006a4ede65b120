"""A program that runs to its end, heard line by line; it too dies with its parent."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

SHIM = Path(__file__).with_name("shim.py")


def tied(command: Sequence[str], stop: signal.Signals, not_root: Sequence[Path] = ()) -> list[str]:
    """The command that runs `command` so that it gets `stop` when this process dies."""
    directories = ":".join(map(str, not_root))
    shim = [sys.executable, "-I", "-S", str(SHIM), str(os.getpid()), str(int(stop))]
    return [*shim, directories, *command]


async def run(
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    failure: type[Exception],
    heard: Callable[[str], None] | None = None,
    not_root: Sequence[Path] = (),
    cwd: Path | None = None,
) -> str:
    """Run `command`; return all that it said on both channels, each line to `heard` as it comes.

    Raises:
        failure: its exit status is not zero; the message ends with what it said.
    """
    process = await asyncio.create_subprocess_exec(
        *tied(command, signal.SIGKILL, not_root),
        env=dict(env),
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    said: list[str] = []
    try:
        assert process.stdout
        async for raw in process.stdout:
            said.append(raw.decode(errors="replace").rstrip())
            if heard:
                heard(said[-1])
        code = await process.wait()
    except BaseException:  # cancelled: nothing may stay behind
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        raise
    if code:
        last = "\n".join(said[-20:])
        raise failure(f"{Path(command[0]).name} ended with status {code}:\n{last}")
    return "\n".join(said)
