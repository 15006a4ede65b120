"""Test an engine with its real model, without Redis or S3: files in, the output and its files out.

    outcome = testing.run(MyEngine(), source=Path("speech.wav"), options={"language": "en"})
    assert "four score" in outcome.output.text

An engine that is given twice keeps its model. What `run` raises comes out as it is, so
``pytest.raises(InvalidInput)`` works.
"""

import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from engines.sdk import inputs
from engines.sdk.contract import Engine
from engines.sdk.host import Host
from streams.events import Heard, Options


class Cancelled(BaseException):
    """Comes out of `task.progress` as a cancelled job would end the process: at no chosen place."""


class Outcome(msgspec.Struct, kw_only=True):
    """What a run gave: the value, the kept files by name, and what it reported on the way."""

    output: Any
    files: dict[str, Path]
    progress: list[float]
    heard: list[Heard] = []
    model: str | None = None
    load_s: float = 0.0
    run_s: float = 0.0


_hosts: weakref.WeakKeyDictionary[Engine, Host] = weakref.WeakKeyDictionary()


def run(  # noqa: PLR0917 - the inputs of a stage, in the order of how often they are given
    engine: Engine,
    source: Path | None = None,
    tracks: Sequence[Path] = (),
    documents: Mapping[str, msgspec.Struct] | None = None,
    options: Options | None = None,
    workdir: Path | None = None,
    *,
    cancel_at: float | None = None,
) -> Outcome:
    """One task, in this process.

    Args:
        source: the submitted file; an engine that hears gets it as a prepared track.
        tracks: prepared tracks (WAV, 16 kHz, mono), instead of a source.
        documents: outputs of earlier stages, by stage.
        workdir: where the engine may write; a new temporary folder unless given.
        cancel_at: raise Cancelled in the engine when its progress gets that far.

    Raises:
        AssertionError: the engine broke the contract: a fraction out of [0, 1], a kept file that
            is not in workdir, an output that cannot be read back as what it is.
    """
    folder = workdir or Path(tempfile.mkdtemp(prefix="dalston-test-"))
    progress: list[float] = []

    def report(fraction: float) -> None:
        assert 0.0 <= fraction <= 1.0, f"progress {fraction} is not within 0 and 1"
        progress.append(fraction)
        if cancel_at is not None and fraction >= cancel_at:
            raise Cancelled

    task = inputs.task(
        engine,
        workdir=folder,
        source=source,
        tracks=tracks,
        documents={name: msgspec.json.encode(value) for name, value in (documents or {}).items()},
        options=options,
        report=report,
    )
    heard: list[Heard] = []

    def tell(first: int, segments: tuple[Heard, ...]) -> None:
        heard[first:] = segments

    task.tell = tell
    returned: list[msgspec.Struct] = []
    host = _hosts.setdefault(engine, Host(engine))
    result = host.run(task, returned=returned.append)
    output = returned[0]
    again = msgspec.json.decode(result.output, type=type(output))
    assert again == output, (
        f"{type(output).__name__} does not survive JSON: {again} is not {output}"
    )
    files = {name: folder / name for name, _ in result.files}
    for name, path in files.items():
        assert path.is_file(), f"keep({name!r}): not a file in workdir"
    return Outcome(
        output=output,
        files=files,
        progress=progress,
        heard=heard,
        model=result.model,
        load_s=result.load_s,
        run_s=result.run_s,
    )
