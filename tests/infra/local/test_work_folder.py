"""The files of running tasks lie in the home and do not outlive a killed stack."""

from pathlib import Path

from infra.local import programs
from infra.local.home import Home


async def test_an_engine_works_below_the_home_unless_told_otherwise(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.acquire()
    default = programs.engine(home, {}, name="merge", slot=0, port=1, command=["python"])
    told = {"DALSTON_WORKDIR": "/elsewhere"}
    other = programs.engine(home, told, name="merge", slot=0, port=1, command=["python"])
    home.release()
    assert default.env["DALSTON_WORKDIR"] == str(tmp_path / "work")
    assert other.env["DALSTON_WORKDIR"] == "/elsewhere"


async def test_the_next_stack_clears_what_a_killed_one_left(tmp_path: Path) -> None:
    home = Home(tmp_path)
    await home.acquire()
    (home.work / "dalston-merge@host-0").mkdir(parents=True)
    home.clear()
    home.release()
    assert not home.work.exists()
