"""How to listen: what a job's options come to, once the model is known. Pure."""

from collections.abc import Collection
from typing import Literal

import msgspec

from engines.faster_whisper import shapes
from engines.sdk.contract import InvalidInput

BEAM = 5


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What this engine can be asked."""

    model: str | None = None
    language: str | None = None
    task: Literal["transcribe", "translate"] = "transcribe"
    word_timestamps: bool = True
    vad: bool = True
    hotwords: str | None = None
    initial_prompt: str | None = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """How to listen; ``language`` is settled by then."""

    language: str | None
    task: str
    vad: bool
    hotwords: str | None
    initial_prompt: str | None
    keep_words: bool
    batch: int


def check(options: Options, takes: Collection[str], model: str) -> None:
    """Raise InvalidInput for a language, or a translation, that the model cannot do."""
    if options.language is not None and options.language not in takes:
        raise InvalidInput(
            f"model {model!r} does not take language {options.language!r}; it takes: "
            + ", ".join(sorted(takes))
        )
    if options.task == "translate" and len(takes) == 1:
        raise InvalidInput(
            f"model {model!r} knows only English and cannot translate; "
            "use a multilingual one, such as small"
        )


def request(options: Options, language: str | None, batch: int) -> Request:
    """The options with what is known by now: the language, and how many clips go at once."""
    return Request(
        language=language,
        task=options.task,
        vad=options.vad,
        hotwords=options.hotwords,
        initial_prompt=shapes.finished(options.initial_prompt),
        keep_words=options.word_timestamps,
        batch=batch,
    )
