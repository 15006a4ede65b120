"""The tracks and the description of one source, from its decoded samples."""

from typing import Literal

import msgspec

from engines.audio_prepare.decode import Decoding
from engines.audio_prepare.mix import Samples, mixed
from engines.audio_prepare.source import Source, opened
from engines.audio_prepare.track import RATE, TrackFile
from engines.sdk.contract import InvalidInput, Task
from streams.transcript import Prepared, Track

MAX_HOURS = 48
STEP = 0.005
"""Progress is told in steps of half a percent."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked."""

    channels: Literal["mix", "separate"] = "mix"


def prepared(task: Task) -> Prepared:
    """Write the tracks, say what the source is.

    Raises:
        InvalidInput: no audio can be had from it; the message says why.
    """
    options = task.parsed(Options)
    assert task.source is not None, "the stage that is first in a plan gets the source"
    with opened(task.source, task.filename) as source:
        decoding = Decoding(source)
        files = _write(task, source, decoding, options)
        media = source.media(round(decoding.seconds, 6))
        warnings = [*decoding.warnings(), *_heard(files)]
    return Prepared(
        media=media,
        duration=files[0].samples / RATE,
        tracks=tuple(_track(task, file) for file in files),
        warnings=tuple(warnings),
        provenance=(task.provenance(parameters=dict(task.options)),),
    )


def _write(task: Task, source: Source, decoding: Decoding, options: Options) -> list[TrackFile]:
    """The tracks on disk, closed.

    Raises:
        InvalidInput: not one sample could be decoded.
    """
    files: list[TrackFile] = []
    told = 0.0
    try:
        for samples, names in decoding.pieces():
            rows = [mixed(samples, names)] if options.channels == "mix" else list(samples)
            files = files or _opened(task, len(rows), options)
            _append(files, rows)
            if source.read - told >= STEP:
                told = source.read
                task.progress(told)
    finally:
        for file in files:
            file.close()
    if not files:
        raise InvalidInput(
            f"{task.filename or 'the file'} is {source.container.format.name} with "
            f"{source.stream.codec_context.name} audio, but none of it can be decoded: "
            "it is damaged or cut off"
        )
    return files


def _opened(task: Task, tracks: int, options: Options) -> list[TrackFile]:
    separate = options.channels == "separate"
    return [
        TrackFile(task.workdir / f"track-{number}.wav", number if separate else None)
        for number in range(tracks)
    ]


def _append(files: list[TrackFile], rows: list[Samples]) -> None:
    """A stream whose channels change half way keeps the number of tracks that it began with.

    Raises:
        InvalidInput: the tracks together last more than MAX_HOURS.
    """
    for number, file in enumerate(files):
        file.write(rows[min(number, len(rows) - 1)])
    if files[0].samples * len(files) > MAX_HOURS * 3600 * RATE:
        raise InvalidInput(
            f"it lasts more than {MAX_HOURS} hours, all channels together: cut it into parts"
        )


def _track(task: Task, file: TrackFile) -> Track:
    drawn = file.path.with_suffix(".peaks.json")
    drawn.write_bytes(msgspec.json.encode(file.meter.peaks()))
    return Track(
        audio=task.keep(file.path, "audio/wav"),
        channel=file.channel,
        peak_dbfs=file.peak_dbfs,
        silent=file.silent,
        peaks=task.keep(drawn, "application/json"),
    )


def _heard(files: list[TrackFile]) -> list[str]:
    """What the levels say."""
    warnings = []
    if all(file.silent for file in files):
        warnings.append("the audio is silent")
    else:
        warnings += [f"channel {file.channel} is silent" for file in files if file.silent]
    clipped = max(file.clipped / max(file.samples, 1) for file in files)
    if clipped > 0.001:
        warnings.append(f"{clipped:.1%} of the samples were beyond full scale and are clipped")
    return warnings
