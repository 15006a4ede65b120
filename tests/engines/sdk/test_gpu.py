"""The kit on a real card: what is held, what comes back, and real errors of CUDA."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from engines.sdk import gpu, memory
from engines.sdk.contract import Engine, OutOfMemory, Task
from engines.sdk.frames import Loaded
from engines.sdk.holdings import NO_LIMIT, Budget, Holdings
from engines.sdk.ladder import Rung, descend, rungs
from engines.sdk.process import Process
from streams.transcript import Transcript

torch: Any = pytest.importorskip("torch", reason="torch is not in this environment")
if not torch.cuda.is_available():
    pytest.skip("there is no card here", allow_module_level=True)

MIB = 1 << 20
GIB = 1 << 30


class Card(Engine):
    """Each of its models is so many MiB on the card as its name says."""

    name = "card"
    stage = "prepare"
    version = "1"
    any_model = True
    device = "cuda"
    compute_type = "float32"

    def load(self, model: str | None) -> None:
        self.weights = on_card(int(model or "1"))

    def unload(self) -> None:
        del self.weights

    def run(self, _: Task) -> Transcript:
        return Transcript(duration=1.0, segments=())


def on_card(mib: int) -> Any:
    return torch.ones(mib * MIB // 4, device="cuda")


def now() -> int:
    return gpu.held() or 0


@pytest.fixture(autouse=True)
def empty() -> Iterator[int]:
    """The card before a test: what CUDA itself takes."""
    on_card(1)
    gc.collect()
    memory.release()
    yield now()
    torch.cuda.set_per_process_memory_fraction(1.0)


def test_what_is_held_is_seen_and_so_is_the_peak_and_it_comes_back(empty: int) -> None:
    gpu.begin_peak()
    large = on_card(1024)
    assert now() - empty == pytest.approx(GIB, rel=0.1)
    del large
    assert gpu.peak() == pytest.approx(GIB, rel=0.01)
    assert now() - empty > GIB // 2, "torch keeps it"
    memory.release()
    assert now() == pytest.approx(empty, abs=64 * MIB)
    gpu.begin_peak()
    assert (gpu.peak() or 0) <= now(), "without tensors what CUDA itself takes"


def test_models_are_unloaded_to_stay_within_the_budget_of_the_card(empty: int) -> None:
    holdings = Holdings(Card(), Budget(models=NO_LIMIT, gpu=empty + 2560 * MIB))
    for model in ("1000", "1001", "1002", "1001"):
        holdings.get(model)
        assert now() < empty + 2560 * MIB
    assert [one.model for one in holdings.all()] == ["1001", "1002"]
    for one in holdings.all():
        assert one.size.gpu == pytest.approx(int(one.model or 0) * MIB, rel=0.1)
        assert (one.device, one.compute_type) == ("cuda", "float32")
    holdings.shed(None)
    assert now() == pytest.approx(empty, abs=64 * MIB)


def test_a_batch_that_does_not_fit_is_halved_until_it_does() -> None:
    _limit(4 * GIB)
    tried: list[int] = []

    def attempt(rung: Rung) -> int:
        tried.append(rung.batch)
        return int(on_card(1024 * rung.batch).numel())

    _, rest = descend(attempt, rungs(16))
    assert tried == [16, 8, 4, 2]
    assert rest[0].batch == 2


def test_when_one_alone_does_not_fit_the_words_of_cuda_are_the_reason() -> None:
    _limit(GIB)
    with pytest.raises(OutOfMemory, match="CUDA out of memory"):
        descend(lambda rung: on_card(2048 * rung.batch), rungs(2))


def test_a_model_too_many_for_the_card_makes_room_by_the_others() -> None:
    _limit(3 * GIB)
    holdings = Holdings(Card(), Budget(models=9))
    for model in ("1000", "1001", "1500"):
        holdings.get(model)
    assert [one.model for one in holdings.all()] == ["1500", "1001"]


async def test_a_child_is_seen_from_its_supervisor_and_its_end_gives_all_back() -> None:
    total_before = torch.cuda.mem_get_info()[0]
    child = await Process.spawn("tests.engines.sdk.test_gpu:Card", {})
    loaded = await child.load("2000", stall_s=120)
    assert isinstance(loaded, Loaded), loaded
    (held,) = child.held
    assert held.size.gpu >= 2000 * MIB
    seen = gpu.used(child.pid)
    assert seen is not None
    assert seen >= 2000 * MIB
    print(f"child: {seen / MIB:.0f} MiB for 2000 MiB of weights, loaded in {loaded.seconds:.2f} s")
    await child.kill()
    assert gpu.used(child.pid) is None
    assert total_before - torch.cuda.mem_get_info()[0] < 64 * MIB


def _limit(size: int) -> None:
    """Let torch take so many bytes of the card and no more."""
    whole = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(size / whole)
