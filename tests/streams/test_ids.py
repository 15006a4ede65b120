import time

from hypothesis import given
from hypothesis import strategies as st

from streams.ids import encode, is_id, new_id

MILLISECONDS = st.integers(0, 2**48 - 1)
CHANCE = st.integers(0, 2**80 - 1)


def test_a_fresh_id_is_one_and_no_two_are_the_same() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert all(is_id(one) for one in ids)
    assert len(set(ids)) == len(ids)


def test_ids_sort_by_their_time() -> None:
    early = new_id()
    time.sleep(0.002)
    assert early < new_id()


@given(st.tuples(MILLISECONDS, CHANCE), st.tuples(MILLISECONDS, CHANCE))
def test_ids_sort_as_time_and_chance_do(one: tuple[int, int], two: tuple[int, int]) -> None:
    assert (one < two) == (encode(*one) < encode(*two))
    assert len(encode(*one)) == 26


def test_what_comes_from_outside_is_checked() -> None:
    good = new_id()
    for bad in ("", good[:-1], good + "0", good.upper(), good[:-1] + "u", f"{good}\n", "../etc"):
        assert not is_id(bad)
