import pytest

from engines.sdk.contract import InvalidInput, OutOfMemory
from engines.sdk.ladder import Rung, descend, rungs


def test_the_batch_gets_smaller_before_the_compute_type_does() -> None:
    assert rungs(4, ("float16", "int8")) == (
        Rung(4, "float16"), Rung(2, "float16"), Rung(1, "float16"),
        Rung(4, "int8"), Rung(2, "int8"), Rung(1, "int8"),
    )  # fmt: skip
    assert rungs(1) == (Rung(1, None),)
    assert [rung.batch for rung in rungs(5)] == [5, 2, 1]


@pytest.mark.parametrize(
    "words",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA failed with error cudaErrorMemoryAllocation",
        "std::bad_alloc",
        "[Errno 12] Cannot allocate memory",
    ],
)
def test_the_first_rung_that_fits_gives_the_result_and_where_to_begin_next_time(words: str) -> None:
    tried: list[Rung] = []

    def attempt(rung: Rung) -> str:
        tried.append(rung)
        if rung.batch > 2:
            raise RuntimeError(words)
        return f"done with {rung}"

    released: list[int] = []
    found, rest = descend(attempt, rungs(8), release=lambda: released.append(1))
    assert (found, [rung.batch for rung in tried]) == ("done with batch 2", [8, 4, 2])
    assert rest == (Rung(2), Rung(1))
    assert len(released) == 2, "once after each failed try"


def test_what_the_failed_try_held_is_free_before_the_next_one() -> None:
    class Big:
        alive = 0

        def __init__(self) -> None:
            Big.alive += 1

        def __del__(self) -> None:
            Big.alive -= 1

    seen: list[int] = []

    def attempt(rung: Rung) -> int:
        seen.append(Big.alive)
        big = Big()
        if rung.batch > 1:
            raise MemoryError
        return id(big)

    descend(attempt, rungs(4))
    assert seen == [0, 0, 0]


def test_when_nothing_fits_the_reason_names_the_smallest_try_and_the_words() -> None:
    def attempt(_: Rung) -> None:
        raise RuntimeError("CUDA out of memory")

    with pytest.raises(OutOfMemory, match=r"even with batch 1, int8 \(RuntimeError: CUDA out of"):
        descend(attempt, rungs(2, ("float16", "int8")))


def test_another_error_is_no_reason_to_try_again() -> None:
    tried: list[Rung] = []

    def attempt(rung: Rung) -> None:
        tried.append(rung)
        raise InvalidInput("no such language")

    with pytest.raises(InvalidInput):
        descend(attempt, rungs(8))
    assert len(tried) == 1
