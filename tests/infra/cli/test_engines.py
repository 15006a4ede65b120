"""What `dalston engines` says of an engine: who it is, what it holds, where, and what waits."""

import pytest

from infra.cli.engines import HEADER, models, rows
from streams.registry import Announcement
from streams.work import Depth
from web.views import EngineView

WHISPER = Announcement(
    replica="faster_whisper@box-0", engine="faster_whisper", stage="transcribe", version="0.3.0",
    host="box", pid=1, models=("tiny.en", "small", "large-v3"), loaded=("small", "tiny.en"),
    device="cuda", compute_type="float16", memory=1_200_000_000, gpu_memory=2_400_000_000,
)  # fmt: skip
MERGE = Announcement(
    replica="merge@box-0", engine="merge", stage="merge", version="0.1.0", host="box", pid=2,
    memory=30_000_000, state="busy",
)  # fmt: skip


def test_a_line_tells_version_models_memory_device_and_queue() -> None:
    view = EngineView("faster_whisper", "transcribe", [WHISPER], Depth(4, 1, {}))
    (row,) = rows(view)
    assert dict(zip(HEADER, row, strict=True)) == {
        "engine": "faster_whisper",
        "stage": "transcribe",
        "version": "0.3.0",
        "replica": "faster_whisper@box-0",
        "state": "idle",
        "loaded": "small, tiny.en",
        "memory": "1200 MB + 2400 MB card",
        "device": "cuda float16",
        "waiting": "4",
        "running": "1",
    }


def test_an_engine_without_a_card_or_a_model_says_no_more_than_there_is() -> None:
    (row,) = rows(EngineView("merge", "merge", [MERGE], Depth(0, 1, {})))
    assert row == (
        "merge", "merge", "0.1.0", "merge@box-0", "busy", "-", "30 MB", "cpu", "0", "1",
    )  # fmt: skip


def test_an_engine_that_tasks_wait_for_without_a_replica_has_a_line_too() -> None:
    (row,) = rows(EngineView("whisperx", "align", [], Depth(2, 0, {})))
    assert dict(zip(HEADER, row, strict=True))["state"] == "no replica"
    assert row[-2:] == ("2", "0")


@pytest.mark.parametrize(
    ("loaded", "known", "needs", "said"),
    [
        (("a", "b"), ("a", "b", "c"), True, "a, b"),
        ((), ("a", "b", "c"), False, "none of 3"),
        ((), (), True, "none here"),
        ((), (), False, "-"),
    ],
)
def test_models_are_those_that_are_loaded_else_what_could_be(
    loaded: tuple[str, ...], known: tuple[str, ...], needs: bool, said: str
) -> None:
    one = Announcement(
        replica="x@y-0", engine="x", stage="align", version="1", host="y", pid=1, loaded=loaded,
        models=known, needs_model=needs,
    )  # fmt: skip
    assert models(one) == said
