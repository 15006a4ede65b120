"""Environments of engines, built from the registry with the real installers."""

import asyncio
import os
import subprocess
import time
from pathlib import Path

import pytest

from infra.local.environment import Environment, build, has_card, of_engine
from infra.local.errors import EnvironmentFailed
from infra.local.steps import Step

SIX = """\
six==1.17.0 \\
    --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274 \\
    --hash=sha256:ff70335d468e7eb6ec65b95b99d3a2836546063f63acc5171de367e834932a81
"""
ENVIRON = dict(os.environ)


@pytest.fixture
def tiny(tmp_path: Path) -> Environment:
    """An engine with one small package, in a checkout of its own."""
    for folder in ("streams", "engines/tiny", "web"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "__init__.py").write_text("")
    (tmp_path / "engines/__init__.py").write_text("")
    (tmp_path / "engines/tiny/requirements.lock").write_text(SIX)
    return of_engine("tiny", tmp_path / "envs", tmp_path)


def imports(environment: Environment, *modules: str) -> list[bool]:
    """Which of these modules the environment can import, from anywhere."""
    return [
        subprocess.run(
            [environment.python, "-c", f"import {module}"], cwd="/", check=False,
            capture_output=True,
        ).returncode == 0
        for module in modules
    ]  # fmt: skip


async def test_an_engine_sees_its_packages_and_ours_and_nothing_else(tiny: Environment) -> None:
    python = await build(tiny, ENVIRON)
    assert python == tiny.python
    assert imports(tiny, "six", "streams", "engines.tiny") == [True] * 3
    assert imports(tiny, "web", "msgspec", "redis", "pip") == [False] * 4


async def test_the_second_time_costs_nothing(tiny: Environment) -> None:
    await build(tiny, ENVIRON)
    told: list[Step] = []
    before = time.monotonic()
    await build(tiny, ENVIRON, told.append)
    assert time.monotonic() - before < 0.1
    assert told == []


async def test_another_lock_makes_another_environment(tiny: Environment) -> None:
    await build(tiny, ENVIRON)
    tiny.lock.write_text("# nothing any more\n")
    await build(tiny, ENVIRON)
    assert imports(tiny, "six", "streams") == [False, True]


async def test_pip_can_be_the_installer(tiny: Environment) -> None:
    (tiny.folder / "engine.toml").write_text('installer = "pip"\n')
    told: list[Step] = []
    await build(tiny, ENVIRON, told.append)
    assert imports(tiny, "six", "redis") == [True, False]
    assert (told[0].state, told[-1].state) == ("building", "built")
    assert max(step.fraction or 0 for step in told) == 1.0


@pytest.mark.parametrize("installer", ["uv", "pip"])
async def test_a_file_with_another_hash_is_refused(tiny: Environment, installer: str) -> None:
    (tiny.folder / "engine.toml").write_text(f'installer = "{installer}"\n')
    tiny.lock.write_text(f"six==1.16.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(EnvironmentFailed, match=r"engine tiny .*requirements.lock(.|\n)*[Hh]ash"):
        await build(tiny, ENVIRON)
    tiny.lock.write_text(SIX)
    await build(tiny, ENVIRON)
    assert imports(tiny, "six") == [True]


async def test_two_builders_build_once(tiny: Environment) -> None:
    told: list[Step] = []
    await asyncio.gather(*(build(tiny, ENVIRON, told.append) for _ in range(3)))
    assert imports(tiny, "six") == [True]
    assert sum("six==1.17.0" in step.detail for step in told) == 1


async def test_a_build_that_was_cut_off_is_done_again(tiny: Environment) -> None:
    building = asyncio.create_task(build(tiny, ENVIRON))
    while not tiny.python.exists():
        await asyncio.sleep(0.005)
    building.cancel()
    with pytest.raises(asyncio.CancelledError):
        await building
    await build(tiny, ENVIRON)
    assert imports(tiny, "six", "streams") == [True, True]


def test_an_unknown_engine_is_named_with_those_that_are_there(tiny: Environment) -> None:
    root = tiny.folder.parents[1]
    with pytest.raises(EnvironmentFailed, match=r"no engine 'nemo' .*there are: tiny"):
        of_engine("nemo", root / "envs", root)
    with pytest.raises(EnvironmentFailed, match="no engine"):
        of_engine("../tiny", root / "envs", root)


@pytest.mark.parametrize("text", ['installer = "conda"', "installer ="])
async def test_a_bad_engine_toml_is_named(tiny: Environment, text: str) -> None:
    (tiny.folder / "engine.toml").write_text(text)
    with pytest.raises(EnvironmentFailed, match=r"engine\.toml"):
        await build(tiny, ENVIRON)


@pytest.mark.parametrize(
    ("device", "wanted"), [("cuda", "requirements-gpu.lock"), ("cpu", "requirements.lock")]
)
async def test_a_machine_with_a_card_gets_the_packages_for_it(
    tiny: Environment, device: str, wanted: str
) -> None:
    card = has_card({"DALSTON_DEVICE": device})
    root = tiny.folder.parents[1]
    assert of_engine("tiny", root / "envs", root, accelerated=card).lock.name == "requirements.lock"
    (tiny.folder / "requirements-gpu.lock").write_text(SIX)
    found = of_engine("tiny", root / "envs", root, accelerated=card)
    assert found.lock.name == wanted
    await build(found, ENVIRON)
    assert imports(found, "six") == [True]
