"""Supervised children: real processes, killed for real."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import psutil
import pytest

from infra.local.child import Child, Program
from infra.local.errors import ChildFailed
from infra.local.home import is_alive
from infra.local.steps import Step


async def yes() -> bool:
    return True


def program(tmp_path: Path, code: str, **options: object) -> Program:
    """A Python program that says that it is up by making a file."""
    flag = tmp_path / "up"
    flag.unlink(missing_ok=True)

    async def ready() -> bool:
        return flag.exists()

    source = f"import os, pathlib, signal, sys, time\nup = pathlib.Path({str(flag)!r})\n"
    values = {
        "name": "child",
        "command": [sys.executable, "-u", "-c", source + textwrap.dedent(code)],
        "log": tmp_path / "child.log",
        "ready": ready,
        **options,
    }
    return Program(**values)  # type: ignore[arg-type]


async def until(condition: object) -> None:
    async with asyncio.timeout(10):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_a_child_that_dies_is_restarted_and_said_so(tmp_path: Path) -> None:
    told: list[Step] = []
    child = Child(program(tmp_path, "up.touch(); time.sleep(60)"), told.append)
    await child.start()
    first = child.pid
    assert first
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.pid not in (None, first) and told[-1].state == "ready")
    await child.stop()
    assert child.pid is None
    assert [(step.state, step.detail) for step in told] == [
        ("starting", ""),
        ("ready", ""),
        ("died", "it was killed by SIGKILL; again in 0.2 s"),
        ("ready", "restarted"),
        ("stopping", ""),
        ("stopped", ""),
    ]


async def test_a_child_that_keeps_dying_is_restarted_ever_more_slowly(tmp_path: Path) -> None:
    told: list[Step] = []
    child = Child(program(tmp_path, "up.touch(); time.sleep(0.1); sys.exit(7)"), told.append)
    await child.start()
    await until(lambda: sum(step.state == "died" for step in told) == 3)
    await child.stop()
    died = [step.detail for step in told if step.state == "died"]
    assert died == [f"it exited with status 7; again in {s} s" for s in ("0.2", "0.4", "0.8")]


async def test_one_that_never_gets_ready_fails_with_its_last_words(tmp_path: Path) -> None:
    child = Child(program(tmp_path, "print('no port left'); sys.exit(3)"))
    with pytest.raises(ChildFailed, match=r"child: exited with status 3(.|\n)*no port left"):
        await child.start()
    child = Child(program(tmp_path, "print('hm'); time.sleep(60)", start_s=0.5))
    with pytest.raises(ChildFailed, match=r"not ready within 0.5 s(.|\n)*hm"):
        await child.start()
    assert child.pid is None


async def test_a_start_can_be_tried_again_for_a_while(tmp_path: Path) -> None:
    code = "old = pathlib.Path('old'); old.exists() or (old.touch(), sys.exit(1))\nup.touch()"
    child = Child(program(tmp_path, code + "\ntime.sleep(60)", cwd=tmp_path, retry_s=5.0))
    await child.start()
    await child.stop()


async def test_a_child_that_ignores_the_signal_is_killed_with_all_that_it_started(
    tmp_path: Path,
) -> None:
    code = """
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        import subprocess
        other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pathlib.Path("other").write_text(str(other.pid))
        up.touch(); time.sleep(60)
    """
    child = Child(program(tmp_path, code, cwd=tmp_path, grace_s=0.2))
    await child.start()
    other = int((tmp_path / "other").read_text())
    assert is_alive(other)
    await child.stop()
    await until(lambda: not is_alive(other))


async def test_cancelling_a_start_leaves_nothing(tmp_path: Path) -> None:
    starting = asyncio.create_task(Child(program(tmp_path, "time.sleep(60)")).start())
    mine = psutil.Process()
    await until(lambda: any("time.sleep(60)" in " ".join(c.cmdline()) for c in mine.children()))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert not any("time.sleep(60)" in " ".join(c.cmdline()) for c in mine.children())


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_children_die_with_a_parent_that_is_killed(
    tmp_path: Path, number: signal.Signals
) -> None:
    parent = tmp_path / "parent.py"
    parent.write_text(
        textwrap.dedent("""
        import asyncio, pathlib, sys
        from infra.local.child import Child, Program
        async def yes(): return True
        async def main():
            for name in ("a", "b"):
                child = Child(Program(
                    name=name, command=[sys.executable, "-c", "import time; time.sleep(60)"],
                    log=pathlib.Path(name + ".log"), ready=yes))
                await child.start()
                print(child.pid, flush=True)
            await asyncio.sleep(60)
        asyncio.run(main())
    """)
    )
    root = str(Path(__file__).parents[3])
    process = subprocess.Popen(
        [sys.executable, parent],
        stdout=subprocess.PIPE,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
    )
    with process:
        assert process.stdout
        pids = [int(process.stdout.readline()) for _ in range(2)]
        assert all(map(is_alive, pids))
        process.send_signal(number)
        process.wait()
    await until(lambda: not any(map(is_alive, pids)))


async def test_a_long_log_is_put_aside(tmp_path: Path) -> None:
    log = tmp_path / "child.log"
    with log.open("wb") as file:
        file.truncate(17 << 20)
    child = Child(program(tmp_path, "print('new'); up.touch(); time.sleep(60)"))
    await child.start()
    await child.stop()
    assert log.read_text() == "new\n"
    assert (tmp_path / "child.log.1").stat().st_size == 17 << 20
