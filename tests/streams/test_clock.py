import time

import pytest

from streams.commit import Clock


def seen(clock: Clock) -> float:
    return clock.now().timestamp() - time.time()


def test_a_slow_reply_does_not_set_the_clock_back() -> None:
    clock = Clock()
    clock.set(int(time.time()) - 1, int(time.time() % 1 * 1e6), sent=time.monotonic() - 2.0)
    assert seen(clock) == pytest.approx(0.0, abs=0.05)


def test_a_server_whose_clock_differs_is_followed() -> None:
    clock = Clock()
    ahead = time.time() + 30.0
    clock.set(int(ahead), int(ahead % 1 * 1e6), sent=time.monotonic())
    assert seen(clock) == pytest.approx(30.0, abs=0.05)
    behind = time.time() - 30.0
    clock.set(int(behind), int(behind % 1 * 1e6), sent=time.monotonic())
    assert seen(clock) == pytest.approx(-30.0, abs=0.05)
