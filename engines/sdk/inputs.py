"""The inputs of a stage made from plain files, for an engine that runs without a stack."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from engines.sdk import wav
from engines.sdk.contract import Engine, InvalidInput, Task
from streams.events import Artifact, Options
from streams.transcript import Media, Prepared, Track


def task(
    engine: Engine,
    *,
    workdir: Path,
    source: Path | None = None,
    tracks: Sequence[Path] = (),
    documents: Mapping[str, bytes] | None = None,
    options: Options | None = None,
    report: Callable[[float], None] = lambda _: None,
) -> Task:
    """A first attempt at the engine's stage.

    For an engine that `hears`, a source without tracks is converted to one, and the document of
    `prepare` is made up from the tracks unless it is given.

    Raises:
        InvalidInput: a file is missing or cannot be read as audio.
    """
    for path in (*([source] if source else []), *tracks):
        if not path.is_file():
            raise InvalidInput(f"no such file: {path}")
    given = dict(documents or {})
    heard = tuple(tracks)
    if engine.hears and engine.stage != "prepare":
        if source and not heard:
            heard = (workdir / "track-0.wav",)
            wav.convert(source, heard[0])
        if heard and "prepare" not in given:
            given["prepare"] = msgspec.json.encode(prepared(heard))
    return Task(
        job="alone",
        stage=engine.stage,
        token=1,
        engine=engine.name,
        version=engine.version,
        workdir=workdir,
        base_uri=workdir.as_uri(),
        options=dict(options or {}),
        filename=source.name if source else "",
        source=None if heard else source,
        documents=given,
        tracks=heard,
        report=report,
    )


def prepared(tracks: Sequence[Path]) -> Prepared:
    """What `prepare` would say of these tracks, as far as it can be told from them."""
    duration = max(wav.seconds(path) for path in tracks)
    media = Media(
        container="wav",
        codec="pcm_s16le",
        sample_rate=wav.RATE,
        channels=len(tracks),
        duration=duration,
    )
    many = len(tracks) > 1
    return Prepared(
        media=media,
        duration=duration,
        tracks=tuple(
            Track(artifact(path), number if many else None, None, silent=False)
            for number, path in enumerate(tracks)
        ),
    )


def artifact(path: Path) -> Artifact:
    """A WAV file as the object that it would be in the store."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Artifact(path.resolve().as_uri(), digest, path.stat().st_size, "audio/wav")
