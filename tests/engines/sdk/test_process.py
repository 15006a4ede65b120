import signal

import pytest

from engines.sdk.process import cause_of_death


@pytest.mark.parametrize(
    ("code", "tail", "kernel", "cause"),
    [
        (-signal.SIGSEGV, [], False, ("crash", "the engine process died of SIGSEGV")),
        (3, [], False, ("crash", "the engine process died of exit status 3")),
        (
            1,
            ["Traceback (most recent call last):", "  File …", "ImportError: no module named av"],
            False,
            ("crash", "the engine process died of exit status 1: ImportError: no module named av"),
        ),
        (-signal.SIGKILL, [], True, ("memory", "the engine process ran out of memory (SIGKILL)")),
        (
            -signal.SIGABRT,
            ["terminate called after throwing an instance of 'std::bad_alloc'"],
            False,
            ("memory", "the engine process ran out of memory (SIGABRT)"),
        ),
    ],
)
def test_the_cause_of_death_is_told_from_status_and_last_words(
    code: int, tail: list[str], kernel: bool, cause: tuple[str, str]
) -> None:
    assert cause_of_death(code, tail, kernel) == cause
