import os
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from engines.sdk import memory
from engines.sdk.contract import Engine, InvalidInput, ModelUnavailable, OutOfMemory, Task
from engines.sdk.holdings import NO_LIMIT, Budget, Holdings, Size
from engines.sdk.host import Host
from engines.sdk.settings import EngineSettings
from streams.transcript import Transcript

MIB = 1 << 20


class Shelf(Engine):
    """Each of its models is so many MiB of random bytes as its name says."""

    name = "shelf"
    stage = "prepare"
    version = "1"
    any_model = True
    hears = False
    told: ClassVar[list[str]] = []
    """What all its instances did, in order."""

    def __init__(self) -> None:
        self.ballast = b""
        self.model: str | None = None

    def load(self, model: str | None) -> None:
        if model == "missing":
            raise ModelUnavailable("there is no such model")
        self.told.append(f"load {model}")
        self.ballast = os.urandom(int(model or "1") * MIB)
        self.model = model

    def unload(self) -> None:
        self.told.append(f"unload {self.model}")
        self.ballast = b""

    def run(self, _: Task) -> Transcript:
        self.told.append(f"run {self.model}")
        return Transcript(duration=len(self.ballast) / MIB, segments=())


@pytest.fixture(autouse=True)
def told() -> list[str]:
    Shelf.told = []
    return Shelf.told


def names(holdings: Holdings) -> list[str | None]:
    return [one.model for one in holdings.all()]


def test_without_a_budget_one_model_is_held_in_one_instance(told: list[str]) -> None:
    engine = Shelf()
    holdings = Holdings(engine)
    first, seconds = holdings.get("2")
    assert first is engine
    assert seconds > 0
    assert holdings.get("2") == (engine, 0.0)
    assert holdings.get("3")[0] is engine
    assert told == ["load 2", "unload 2", "load 3"]


def test_the_least_recently_used_of_many_goes_first(told: list[str]) -> None:
    holdings = Holdings(Shelf(), Budget(models=2))
    engines = [holdings.get(model)[0] for model in ("1", "2", "1", "3")]
    assert engines[0] is engines[2]
    assert engines[0] is not engines[1]
    assert names(holdings) == ["3", "1"]
    assert told == ["load 1", "load 2", "unload 2", "load 3"]


def test_models_are_kept_as_long_as_they_fit_into_the_memory_budget() -> None:
    memory.release()
    room = memory.resident() + 150 * MIB
    holdings = Holdings(Shelf(), Budget(models=NO_LIMIT, memory=room))
    for model in ("60", "61", "62"):
        holdings.get(model)
        assert memory.resident() < room
    assert names(holdings) == ["62", "61"]
    sizes = {model: size.memory for model, size in holdings.sizes.items()}
    for model in ("60", "61", "62"):
        assert sizes[model] == pytest.approx(int(model) * MIB, abs=4 * MIB)


def test_a_size_that_is_known_makes_room_before_the_load_not_after(told: list[str]) -> None:
    memory.release()
    room = memory.resident() + 128 * MIB
    sizes = {"100": Size(memory=100 * MIB)}
    holdings = Holdings(Shelf(), Budget(models=NO_LIMIT, memory=room), sizes)
    holdings.get("60")
    holdings.get("100")
    assert told == ["load 60", "unload 60", "load 100"]


def test_one_that_is_larger_than_thought_makes_room_afterwards(told: list[str]) -> None:
    memory.release()
    room = memory.resident() + 128 * MIB
    holdings = Holdings(Shelf(), Budget(models=NO_LIMIT, memory=room))
    holdings.get("20")
    holdings.get("115")
    assert told == ["load 20", "load 115", "unload 20"]
    assert names(holdings) == ["115"]


def test_a_model_that_cannot_be_had_leaves_the_others_and_its_place(told: list[str]) -> None:
    holdings = Holdings(Shelf(), Budget(models=2))
    holdings.get("1")
    with pytest.raises(ModelUnavailable):
        holdings.get("missing")
    assert names(holdings) == ["1"]
    holdings.get("2")
    assert names(holdings) == ["2", "1"]


class Tight(Shelf):
    """Has room for one model: while another one is there, it cannot load, or not run."""

    loading = True
    there = 0

    def load(self, model: str | None) -> None:
        if self.loading and Tight.there:
            raise RuntimeError("CUDA failed with error out of memory")
        super().load(model)
        Tight.there += 1

    def unload(self) -> None:
        super().unload()
        Tight.there -= 1

    def run(self, task: Task) -> Transcript:
        task.keep(_file(task), "text/plain")
        if Tight.there > 1:
            raise OutOfMemory("it does not fit")
        if task.option("odd"):
            raise InvalidInput("odd")
        return super().run(task)


def _file(task: Task) -> Path:
    path = task.workdir / "kept.txt"
    path.write_text("kept")
    return path


@pytest.mark.parametrize("loading", [True, False])
def test_when_memory_is_short_the_other_models_make_room(
    told: list[str], tmp_path: Path, loading: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tight, "loading", loading)
    monkeypatch.setattr(Tight, "there", 0)
    engine = Tight()
    host = Host(engine, Holdings(engine, Budget(models=3)))
    host.run(task(tmp_path, "1"))
    result = host.run(task(tmp_path, "2"))
    assert msgspec.json.decode(result.output)["duration"] == 2
    assert result.files == (("kept.txt", "text/plain"),), "not twice"
    assert result.model == "2"
    assert names(host.holdings) == ["2"]
    with pytest.raises(InvalidInput):
        host.run(task(tmp_path, "2", odd=True))
    assert told.count("run 2") == 1


def task(folder: Path, model: str, **more: bool) -> Task:
    return Task(
        job="j", stage="prepare", token=1, engine="shelf", version="1", workdir=folder,
        base_uri="file:///", options={"model": model, **more},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("own", "budget"),
    [
        (EngineSettings(), Budget(models=1)),
        (EngineSettings(models_loaded=3), Budget(models=3)),
        (EngineSettings(memory_budget=9), Budget(models=NO_LIMIT, memory=9)),
        (EngineSettings(gpu_budget=9, models_loaded=2), Budget(models=2, gpu=9)),
    ],
)
def test_memory_is_bounded_whatever_is_set(own: EngineSettings, budget: Budget) -> None:
    assert own.budget == budget
