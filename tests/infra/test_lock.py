import sys

import pytest

from infra.local.errors import EnvironmentFailed
from infra.lock import CPU_WHEELS, engines, for_cpu

BOTH = """\
tokenizers==0.1.0 \\
    --hash=sha256:aa
torch==2.13.0 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
torchmetrics==1.0 \\
    --hash=sha256:dd
"""


def test_torch_can_only_be_the_wheel_for_cpus() -> None:
    locked = for_cpu(BOTH)
    assert f"torch==2.13.0 \\\n    --hash=sha256:{CPU_WHEELS['2.13.0']}\ntorchmetrics" in locked
    assert "sha256:bb" not in locked
    assert "sha256:aa" in locked
    assert "sha256:dd" in locked
    assert for_cpu(locked) == locked


def test_a_version_whose_wheel_is_not_known_is_not_passed_over() -> None:
    with pytest.raises(KeyError, match=r"2\.14\.0"):
        for_cpu(BOTH.replace("2.13.0", "2.14.0"))


def test_an_engine_that_is_not_there_is_not_passed_over() -> None:
    with pytest.raises(EnvironmentFailed, match=r"no engine 'mergee' .* there are: .*merge"):
        engines([sys.executable, "-m", "uv"], ["mergee"])
